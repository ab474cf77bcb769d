clusterwatch_test(agent_test
    SOURCES
        unit/agent/check_command_test.cpp
        unit/agent/corrected_clock_test.cpp
        unit/agent/discover_test.cpp
        unit/agent/full_disk_test.cpp
        unit/agent/run_limits_test.cpp
        unit/agent/runner_test.cpp
        unit/agent/sender_test.cpp
        unit/agent/sequence_set_test.cpp
        unit/agent/settings_test.cpp
        unit/agent/spool_test.cpp
        unit/agent/tls_test.cpp
        unit/agent/transport_test.cpp
    LIBS clusterwatch::agent_core cpp-httplib)
# The layout of the library's classes depends on these (agent/CMakeLists.txt).
target_compile_definitions(agent_test PRIVATE
    CPPHTTPLIB_OPENSSL_SUPPORT CPPHTTPLIB_ZLIB_SUPPORT CPPHTTPLIB_BROTLI_SUPPORT)
