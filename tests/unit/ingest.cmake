clusterwatch_test(ingest_test
    SOURCES unit/ingest/cluster_state_test.cpp unit/ingest/delivery_test.cpp unit/ingest/identity_test.cpp
            unit/ingest/received_ranges_test.cpp unit/ingest/staleness_test.cpp unit/ingest/with_store_test.cpp
    LIBS clusterwatch::collector_ingest clusterwatch::collector_store clusterwatch_proto_generated
         nlohmann_json::nlohmann_json)
