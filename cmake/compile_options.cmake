# The one interface target through which every target of ours gets warnings and hardening.
# Optimisation and sanitizers are matters of the presets alone.
add_library(clusterwatch_options INTERFACE)
add_library(clusterwatch::options ALIAS clusterwatch_options)

target_include_directories(clusterwatch_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(clusterwatch_options INTERFACE
    -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wunused -Werror
    -fstack-protector-strong -fno-plt)
target_link_options(clusterwatch_options INTERFACE -Wl,-z,relro,-z,now -Wl,--as-needed)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_definitions(clusterwatch_options INTERFACE _FORTIFY_SOURCE=2)
endif()
target_compile_definitions(clusterwatch_options INTERFACE
    CLUSTERWATCH_VERSION="${PROJECT_VERSION}")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()
