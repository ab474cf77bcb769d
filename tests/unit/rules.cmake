clusterwatch_test(rules_test
    SOURCES
        unit/rules/active_alerts_test.cpp
        unit/rules/replication_rules_test.cpp
        unit/rules/rule_engine_test.cpp
        unit/rules/rule_file_test.cpp
        unit/rules/rules_json_test.cpp
        unit/rules/templates_test.cpp
    LIBS clusterwatch::collector_rules)

clusterwatch_test(alerts_test
    SOURCES
        unit/rules/notification_queue_test.cpp
        unit/rules/notifier_test.cpp
        unit/rules/webhook_message_test.cpp
    LIBS clusterwatch::collector_alerts nlohmann_json::nlohmann_json OpenSSL::SSL cpp-httplib)
target_compile_definitions(alerts_test PRIVATE
    CPPHTTPLIB_OPENSSL_SUPPORT CPPHTTPLIB_ZLIB_SUPPORT CPPHTTPLIB_BROTLI_SUPPORT)
