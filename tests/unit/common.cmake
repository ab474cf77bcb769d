clusterwatch_test(common_test
    SOURCES unit/common/text_test.cpp unit/common/labels_test.cpp unit/common/config_node_test.cpp
    LIBS clusterwatch::common clusterwatch::config)
if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/unit/common/journal_test.cpp)
    clusterwatch_test(journal_test
        SOURCES unit/common/journal_test.cpp faults/journal_fault_test.cpp faults/fault_file_system.cpp
        LIBS clusterwatch::journal)
endif()
