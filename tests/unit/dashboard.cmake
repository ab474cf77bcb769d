# Models, parser and stream: no display, no widgets.
clusterwatch_test(dashboard_model_test
    SOURCES
        unit/dashboard/cluster_model_test.cpp
        unit/dashboard/decode_test.cpp
        unit/dashboard/format_test.cpp
        unit/dashboard/freshness_test.cpp
        unit/dashboard/now_view_test.cpp
        unit/dashboard/problem_list_test.cpp
        unit/dashboard/series_test.cpp
        unit/dashboard/sse_parser_test.cpp
        unit/dashboard/verdict_test.cpp
    LIBS clusterwatch::dashboard_models clusterwatch::dashboard_client Qt6::Core)
find_package(Qt6 6.4 REQUIRED COMPONENTS Test)
target_link_libraries(dashboard_model_test PRIVATE Qt6::Test)

# Pixels, keys and the client against a stand-in collector; drawn off screen.
add_executable(dashboard_screen_test
    unit/dashboard/client_test.cpp
    unit/dashboard/screen_main.cpp
    unit/dashboard/screen_test.cpp
    unit/dashboard/theme_test.cpp)
target_link_libraries(dashboard_screen_test PRIVATE
    clusterwatch::dashboard_shell Qt6::Test GTest::gtest GTest::gmock)
target_compile_definitions(dashboard_screen_test PRIVATE CLUSTERWATCH_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
add_test(NAME dashboard_screen_test COMMAND dashboard_screen_test)
set_tests_properties(dashboard_screen_test PROPERTIES
    TIMEOUT 120 ENVIRONMENT "QT_QPA_PLATFORM=offscreen;TZ=UTC")
set_tests_properties(dashboard_model_test PROPERTIES ENVIRONMENT "TZ=UTC")
