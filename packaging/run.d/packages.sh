# What ./run needs from Debian 12, and how it gets onto the machine without anything being started.
# Sourced by ./run; uses its say and die.
#
# Two ways:
#   - packages without a service of their own are installed by apt, while a policy-rc.d forbids starts in case
#     a dependency brings one;
#   - packages that would enable a service (memcached, prometheus, ...) are never installed: they are downloaded
#     and unpacked into build/tools/NAME, and run from there by the tests and the demo.

readonly BUILD_PACKAGES=(
    g++ cmake ninja-build ccache pkg-config python3 ca-certificates
    libfmt-dev libspdlog-dev libprotobuf-dev protobuf-compiler zlib1g-dev libzstd-dev libsnappy-dev libssl-dev
    libyaml-cpp-dev nlohmann-json3-dev libcli11-dev libsqlite3-dev prometheus-cpp-dev libmicrohttpd-dev
    libcpp-httplib-dev libmemcached-dev default-libmysqlclient-dev libre2-dev libsystemd-dev
    qt6-base-dev qt6-charts-dev libqt6opengl6-dev libxkbcommon-dev libgl-dev fonts-dejavu-core
    libgtest-dev libgmock-dev libbenchmark-dev
)
# The services of the demo and the tests, git for the rules of the tree, openssl for certificates. The last line: shared libraries of what fetch_tools unpacks.
readonly SERVICE_PACKAGES=(
    apache2-bin mariadb-server-core mariadb-client-core git openssl
    libevent-2.1-7 libsasl2-2 libcurl3-gnutls libgcrypt20 libcap2
)
readonly LINT_PACKAGES=(clang-format-14 clang-tidy-14 git)
readonly FUZZ_PACKAGES=(clang-14 libclang-rt-14-dev llvm-14)

# as_root COMMAND...: without ever asking for a password.
as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        sudo --non-interactive -- "$@"
    fi
}

can_be_root() { ((EUID == 0)) || sudo --non-interactive true 2>/dev/null; }

missing_packages() {
    local installed
    # dpkg-query fails where it does not know one of the names, which is just what we want to know.
    installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p') || true
    printf '%s\n' "$@" | grep -vxF -f <(printf '%s\n' "$installed") || true
}

# install_packages NAME...: no call of apt where everything is there.
install_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]})) || return 0
    if ! can_be_root; then
        die "these packages are missing, and installing them needs root (or sudo without a password):
  sudo apt-get install --no-install-recommends ${missing[*]}"
    fi
    step "installing ${#missing[@]} packages: ${missing[*]}" apt_install "${missing[@]}"
}

# In a subshell, so that the guard goes away however this ends.
apt_install() (
    export DEBIAN_FRONTEND=noninteractive
    guard=/usr/sbin/policy-rc.d
    if [[ ! -e $guard ]]; then
        trap 'as_root rm -f "$guard"' EXIT
        # 101: "action forbidden by policy" (invoke-rc.d(8)).
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$guard" >/dev/null
        as_root chmod 755 "$guard"
    fi
    log=build/packages.log
    if ! { refresh_lists && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
        --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" </dev/null; } >"$log" 2>&1; then
        tail -20 "$log" >&2
        return 1
    fi
)

refresh_lists() { as_root apt-get update -q -o DPkg::Lock::Timeout=300 </dev/null; }

# fetch_tools NAME...: unpacks Debian's package into build/tools/NAME; nothing of it is run or configured.
fetch_tools() {
    local name
    for name in "$@"; do
        [[ -e build/tools/$name/.unpacked ]] || step "unpacking $name into build/tools" fetch_tool "$name"
    done
}

fetch_tool() {
    local name=$1 work=build/tools/.download-$1
    rm -rf "$work" "build/tools/$name"
    mkdir -p "$work"
    if ! (cd "$work" && apt-get download -q "$name") >build/packages.log 2>&1; then
        can_be_root || { tail -5 build/packages.log >&2; return 1; }
        refresh_lists >build/packages.log 2>&1 &&
            (cd "$work" && apt-get download -q "$name") >>build/packages.log 2>&1 ||
            { tail -5 build/packages.log >&2; return 1; }
    fi
    dpkg -x "$work"/*.deb "$work/tree"
    touch "$work/tree/.unpacked"
    mv "$work/tree" "build/tools/$name"
    rm -rf "$work"
}
