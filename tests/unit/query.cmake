clusterwatch_test(query_test
    SOURCES
        unit/query/engine_test.cpp
        unit/query/matcher_test.cpp
        unit/query/parser_test.cpp
        unit/query/prometheus_json_test.cpp
        unit/query/random_test.cpp
        unit/query/script.cpp
        unit/query/script_test.cpp
    LIBS clusterwatch::collector_query)
