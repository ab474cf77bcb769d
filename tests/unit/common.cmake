clusterwatch_test(common_test
    SOURCES unit/common/text_test.cpp unit/common/labels_test.cpp unit/common/config_node_test.cpp
    LIBS clusterwatch::common clusterwatch::config)
clusterwatch_test(journal_test
    SOURCES unit/common/journal_test.cpp
    LIBS clusterwatch::journal)
