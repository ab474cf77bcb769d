#include "agent/probes/mysql_session.h"

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <system_error>

#include <errmsg.h>
#include <fmt/format.h>
#include <mysql.h>
#include <poll.h>
#include <sys/socket.h>

#include "common/limits.h"
#include "common/text.h"

namespace clusterwatch::agent {

namespace {

constexpr std::size_t kAnswerBytes = limits::kProbeOutputBytes;
constexpr std::size_t kPacketBytes = 1 << 20;  // of one row

// mysql_init() would do this itself, but not safely from two threads.
void initialiseLibrary() {
    static std::once_flag once;
    std::call_once(once, [] { mysql_library_init(0, nullptr, nullptr); });
}

void setOptions(MYSQL* mysql, const MysqlTarget& target) {
    unsigned zero = 0;
    my_bool on = 1;
    std::size_t packet = kPacketBytes;
    mysql_options(mysql, MYSQL_OPT_NONBLOCK, nullptr);
    mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &zero);
    mysql_options(mysql, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet);
    mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    // No mysql_clear_password and no dialog: they hand the password to whoever asks for it.
    mysql_options(mysql, MARIADB_OPT_RESTRICTED_AUTH,
                  "mysql_native_password,client_ed25519,caching_sha2_password,"
                  "sha256_password,auth_gssapi_client");
    mysql_optionsv(mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "clusterwatch-agent");
    // "localhost" would silently mean the socket.
    unsigned protocol = target.socket.empty() ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
    mysql_options(mysql, MYSQL_OPT_PROTOCOL, &protocol);
    if (!target.ca_file.empty()) {
        mysql_options(mysql, MYSQL_OPT_SSL_CA, target.ca_file.c_str());
        mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &on);
        mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &on);
    }
}

// "Can't connect to server on '...' (111)": the library gives the system's error as a bare number.
std::string spellOutErrno(const std::string& text) {
    const auto open = text.rfind('(');
    if (open == std::string::npos || !text.ends_with(')')) return text;
    const auto number = parseUint(std::string_view(text).substr(open + 1, text.size() - open - 2));
    if (!number || *number == 0 || *number > 200) return text;
    const auto meaning = std::generic_category().message(static_cast<int>(*number));
    return fmt::format("{}: {})", text.substr(0, text.size() - 1), meaning);
}

}  // namespace

Outcome mysqlOutcome(unsigned error) {
    switch (error) {
        case 1040:  // ER_CON_COUNT_ERROR
        case 1203:  // ER_TOO_MANY_USER_CONNECTIONS
        case 1226:  // ER_USER_LIMIT_REACHED
            return Outcome::kFull;
        case 1045:  // ER_ACCESS_DENIED_ERROR
        case 1698:  // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
        case 1129:  // ER_HOST_IS_BLOCKED
        case 1130:  // ER_HOST_NOT_PRIVILEGED
        case 1862:  // ER_MUST_CHANGE_PASSWORD_LOGIN
        case CR_AUTH_PLUGIN_CANNOT_LOAD:
        case CR_AUTH_PLUGIN_ERR:
        case CR_SSL_CONNECTION_ERROR: return Outcome::kAuthentication;
        case 1044:  // ER_DBACCESS_DENIED_ERROR
        case 1142:  // ER_TABLEACCESS_DENIED_ERROR
        case 1227:  // ER_SPECIFIC_ACCESS_DENIED_ERROR
            return Outcome::kPermission;
        case 1205:  // ER_LOCK_WAIT_TIMEOUT
        case 1969:  // ER_STATEMENT_TIMEOUT (MariaDB)
        case 3024:  // ER_QUERY_TIMEOUT (MySQL)
            return Outcome::kTimedOut;
        case 1053:  // ER_SERVER_SHUTDOWN
        case CR_CONNECTION_ERROR:
        case CR_CONN_HOST_ERROR:
        case CR_UNKNOWN_HOST:
        case CR_SERVER_GONE_ERROR:
        case CR_SERVER_LOST:
        case CR_SERVER_LOST_EXTENDED: return Outcome::kRefused;
        default: return Outcome::kParse;
    }
}

std::string MysqlTarget::where() const {
    return socket.empty() ? fmt::format("{}:{}", address.host, address.port) : socket;
}

MysqlTarget readMysqlTarget(ConfigNode& config) {
    MysqlTarget target;
    target.socket = config.text("socket", "");
    if (config.has("socket") && config.has("address"))
        config.error("socket", "give either `socket` or `address`");
    auto address = parseHostPort(config.text("address", "127.0.0.1:3306"), 3306);
    if (address)
        target.address = *address;
    else
        config.error("address", address.error().message());
    target.user = config.text("user", "clusterwatch");
    target.password_file = config.text("password_file", "");
    target.ca_file = config.text("ca_file", "");
    return target;
}

MysqlSession::MysqlSession(MysqlTarget target) : target_(std::move(target)) {}
MysqlSession::~MysqlSession() = default;

void MysqlSession::Close::operator()(st_mysql* mysql) const { mysql_close(mysql); }

void MysqlSession::close() { mysql_.reset(); }

int MysqlSession::wait(int status, const ProbeContext& context) {
    pollfd socket{mysql_get_socket(mysql_.get()), 0, 0};
    if ((status & MYSQL_WAIT_READ) != 0) socket.events |= POLLIN;
    if ((status & MYSQL_WAIT_WRITE) != 0) socket.events |= POLLOUT;
    if ((status & MYSQL_WAIT_EXCEPT) != 0) socket.events |= POLLPRI;
    int ready = 0;
    do ready = ::poll(&socket, 1, static_cast<int>(context.remaining().count()));
    while (ready < 0 && errno == EINTR);
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    reached_ =
        reached_ || ::getpeername(socket.fd, reinterpret_cast<sockaddr*>(&peer), &length) == 0;
    // The library then ends the call with an error of its own and frees what it holds.
    if (ready <= 0) return MYSQL_WAIT_TIMEOUT;
    int result = 0;
    if ((socket.revents & (POLLIN | POLLERR | POLLHUP)) != 0) result |= MYSQL_WAIT_READ;
    if ((socket.revents & (POLLOUT | POLLERR | POLLHUP)) != 0) result |= MYSQL_WAIT_WRITE;
    if ((socket.revents & POLLPRI) != 0) result |= MYSQL_WAIT_EXCEPT;
    return result & status;
}

MysqlSession::Failure MysqlSession::explain(const ProbeContext& context, bool established) const {
    Failure failure;
    failure.error = mysql_errno(mysql_.get());
    failure.outcome = mysqlOutcome(failure.error);
    const std::string text = truncated(mysql_error(mysql_.get()), limits::kTextBytes / 2);
    const bool lost = failure.outcome == Outcome::kRefused;
    if (lost && context.expired()) {
        failure.outcome =
            reached_ || established ? Outcome::kTimedOut : Outcome::kTimedOutConnecting;
        failure.message = failure.outcome == Outcome::kTimedOut
                              ? target_.where() +
                                    " accepts connections but does not answer: the server is "
                                    "frozen, or too busy to greet"
                              : target_.where() +
                                    ": no connection before the deadline (packets are dropped, or "
                                    "the host is down)";
        return failure;
    }
    failure.message =
        fmt::format("{}: error {}: {}", target_.where(), failure.error, spellOutErrno(text));
    if (failure.outcome == Outcome::kFull)
        failure.message += " (the server is up but has no connection left for the probe)";
    return failure;
}

std::optional<MysqlSession::Failure> MysqlSession::open(const ProbeContext& context) {
    std::string password;
    if (!target_.password_file.empty()) {
        auto secret = readSecret(target_.password_file);
        if (!secret) return Failure{Outcome::kAuthentication, secret.error().message(), 0};
        password = std::move(*secret);
    }
    initialiseLibrary();
    mysql_.reset(mysql_init(nullptr));
    if (!mysql_) return Failure{Outcome::kInternal, "no memory for a MySQL client", 0};
    setOptions(mysql_.get(), target_);
    reached_ = false;
    MYSQL* connected = nullptr;
    const char* host = target_.socket.empty() ? target_.address.host.c_str() : nullptr;
    const char* socket = target_.socket.empty() ? nullptr : target_.socket.c_str();
    int status =
        mysql_real_connect_start(&connected, mysql_.get(), host, target_.user.c_str(),
                                 password.c_str(), nullptr, target_.address.port, socket, 0);
    while (status != 0)
        status = mysql_real_connect_cont(&connected, mysql_.get(), wait(status, context));
    std::fill(password.begin(), password.end(), '\0');
    if (connected == nullptr) {
        Failure failure = explain(context, false);
        mysql_.reset();
        return failure;
    }
    version_ = parseServerVersion(mysql_get_server_info(mysql_.get()));
    return prepare(context);
}

std::optional<MysqlSession::Failure> MysqlSession::prepare(const ProbeContext& context) {
    // Sources: MariaDB and MySQL manuals, system variables. A server too old for one of them
    // answers with an error, which changes nothing for the read-only statements we send.
    const double seconds = std::max(1.0, static_cast<double>(context.remaining().count()) / 1000.0);
    std::string settings = "SET SESSION lock_wait_timeout=1";
    if (version_.mariadb)
        settings += fmt::format(", max_statement_time={:.0f}", seconds);
    else if (version_.atLeast(5, 7, 8))
        settings += fmt::format(", max_execution_time={:.0f}", seconds * 1000);
    for (const std::string& sql : {settings, std::string("SET SESSION TRANSACTION READ ONLY")}) {
        SqlRows none;
        auto failure = ask(sql, context, none);
        if (failure && !mysql_) return failure;
    }
    return std::nullopt;
}

std::optional<MysqlSession::Failure> MysqlSession::connect(const ProbeContext& context) {
    return mysql_ ? std::nullopt : open(context);
}

std::optional<MysqlSession::Failure> MysqlSession::query(std::string_view sql,
                                                         const ProbeContext& context,
                                                         SqlRows& rows) {
    const bool kept = mysql_ != nullptr;
    if (auto failure = connect(context)) return failure;
    auto failure = ask(sql, context, rows);
    // A kept connection ends with a restart of the server or with wait_timeout: no news yet.
    if (failure && kept && !mysql_ && !context.expired()) {
        if (auto refused = open(context)) return refused;
        failure = ask(sql, context, rows);
    }
    return failure;
}

std::optional<MysqlSession::Failure> MysqlSession::ask(std::string_view sql,
                                                       const ProbeContext& context, SqlRows& rows) {
    rows = {};
    int error = 0;
    int status = mysql_real_query_start(&error, mysql_.get(), sql.data(), sql.size());
    while (status != 0) status = mysql_real_query_cont(&error, mysql_.get(), wait(status, context));
    std::optional<Failure> failure;
    if (error != 0)
        failure = explain(context, true);
    else
        failure = fetch(context, rows);
    // Server errors (1000 to 1999, 3000 and up) leave a usable connection; the client's own
    // (2000 to 2999), a time-out and an over-long answer do not.
    if (failure) {
        const bool usable = failure->error >= 1000 && failure->error != 1053 &&
                            (failure->error < 2000 || failure->error >= 3000);
        if (!usable) mysql_.reset();
    }
    return failure;
}

std::optional<MysqlSession::Failure> MysqlSession::fetch(const ProbeContext& context,
                                                         SqlRows& rows) {
    MYSQL_RES* result = mysql_use_result(mysql_.get());
    if (result == nullptr) {
        if (mysql_field_count(mysql_.get()) == 0) return std::nullopt;  // not a SELECT
        return explain(context, true);
    }
    const unsigned columns = mysql_num_fields(result);
    const MYSQL_FIELD* fields = mysql_fetch_fields(result);
    for (unsigned c = 0; c < columns; ++c) rows.columns.emplace_back(fields[c].name);

    std::optional<Failure> failure;
    std::size_t bytes = 0;
    while (true) {
        MYSQL_ROW row = nullptr;
        int status = mysql_fetch_row_start(&row, result);
        while (status != 0) status = mysql_fetch_row_cont(&row, result, wait(status, context));
        if (row == nullptr) break;
        const unsigned long* lengths = mysql_fetch_lengths(result);
        auto& out = rows.rows.emplace_back(columns);
        for (unsigned c = 0; c < columns; ++c) {
            if (row[c] != nullptr) out[c] = std::string(row[c], lengths[c]);
            bytes += lengths[c] + sizeof(out[c]);
        }
        if (bytes > kAnswerBytes) {
            failure = Failure{Outcome::kParse,
                              fmt::format("{}: the answer is larger than {} bytes", target_.where(),
                                          kAnswerBytes),
                              0};
            break;
        }
    }
    if (!failure && mysql_errno(mysql_.get()) != 0) failure = explain(context, true);
    if (!failure) {
        mysql_free_result(result);
        return std::nullopt;
    }
    // Freeing would read the rest of the answer, however long it takes: the socket is shut first.
    ::shutdown(mysql_get_socket(mysql_.get()), SHUT_RDWR);
    int status = mysql_free_result_start(result);
    while (status != 0) status = mysql_free_result_cont(result, wait(status, context));
    failure->error = 0;  // so that ask() gives the connection up
    return failure;
}

}  // namespace clusterwatch::agent
