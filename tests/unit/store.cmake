clusterwatch_test(store_test
    SOURCES unit/store/codec_test.cpp unit/store/store_test.cpp faults/store_fault_test.cpp
            faults/fault_file_system.cpp
    LIBS clusterwatch::collector_store)
