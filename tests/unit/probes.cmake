clusterwatch_test(probes_test
    SOURCES
        unit/probes/apache_test.cpp
        unit/probes/docstore_test.cpp
        unit/probes/fixture.cpp
        unit/probes/host_test.cpp
        unit/probes/hostile_test.cpp
        unit/probes/memcached_test.cpp
        unit/probes/mysql_status_test.cpp
        unit/probes/replication_test.cpp
        unit/probes/service_test.cpp
    LIBS clusterwatch::agent_probes)
