# Debian's cpp-httplib is a compiled library; its package names the definitions its classes depend on.
pkg_check_modules(httplib_client REQUIRED IMPORTED_TARGET cpp-httplib)

clusterwatch_test(api_server_test
    SOURCES unit/api/http_server_test.cpp unit/api/limits_test.cpp unit/api/live_test.cpp
    LIBS clusterwatch::collector_api PkgConfig::httplib_client OpenSSL::SSL)
clusterwatch_test(api_test
    SOURCES unit/api/access_test.cpp unit/api/parameters_test.cpp unit/api/prometheus_routes_test.cpp
        unit/api/settings_test.cpp ${PROJECT_SOURCE_DIR}/collector/settings.cpp
    LIBS clusterwatch::collector_api)
