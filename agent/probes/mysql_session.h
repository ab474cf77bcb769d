// One connection to a MySQL or MariaDB server, kept between runs, that never waits past a deadline.
//
// On MariaDB Connector/C's non-blocking calls, because its time-outs count whole seconds. The
// session is made harmless: read only, lock waits of a second, statements ended by the server at
// the deadline, LOCAL INFILE off (a rogue server could read files with it), and no authentication
// that shows the password. The password is read from its file at each connect, so that a rotation
// needs no restart.
//
// One thread at a time. Name resolution is the one wait that the deadline doesn't bound.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/probe.h"
#include "agent/probes/address.h"
#include "agent/probes/mysql_text.h"

struct st_mysql;

namespace clusterwatch::agent {

struct MysqlTarget {
    HostPort address;    // used where `socket` is empty
    std::string socket;  // path of a Unix socket
    std::string user;
    std::string password_file;  // empty: no password
    std::string ca_file;        // not empty: TLS, verified against it

    std::string where() const;  // "127.0.0.1:3306" or the socket's path
};

// Reads address, socket, user, password_file, ca_file. Mistakes go to `config`.
MysqlTarget readMysqlTarget(ConfigNode& config);

class MysqlSession {
  public:
    struct Failure {
        Outcome outcome = Outcome::kInternal;
        std::string message;
        unsigned error = 0;  // the server's or the client's error number
    };

    explicit MysqlSession(MysqlTarget target);
    ~MysqlSession();

    // Connects if there is no connection.
    std::optional<Failure> connect(const ProbeContext& context);
    // One statement; connects first if needed, and once more if a kept connection turns out to be
    // gone. After a failure of the connection itself the next call connects anew.
    std::optional<Failure> query(std::string_view sql, const ProbeContext& context, SqlRows& rows);

    // REQUIRES: a call above has succeeded.
    const ServerVersion& version() const { return version_; }
    const MysqlTarget& target() const { return target_; }
    void close();

  private:
    struct Close {
        void operator()(st_mysql* mysql) const;
    };

    std::optional<Failure> open(const ProbeContext& context);
    std::optional<Failure> prepare(const ProbeContext& context);
    std::optional<Failure> ask(std::string_view sql, const ProbeContext& context, SqlRows& rows);
    std::optional<Failure> fetch(const ProbeContext& context, SqlRows& rows);
    Failure explain(const ProbeContext& context, bool established) const;
    // Waits for what the library asks for; at the deadline tells it so. Updates reached_.
    int wait(int status, const ProbeContext& context);

    const MysqlTarget target_;
    std::unique_ptr<st_mysql, Close> mysql_;
    bool reached_ = false;  // the TCP connection stood while we waited
    ServerVersion version_;
};

// The outcome of a server's or client library's error number.
Outcome mysqlOutcome(unsigned error);

}  // namespace clusterwatch::agent
