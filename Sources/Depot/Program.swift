internal import Files
internal import Glibc

/// A program of this machine, run to its end with nothing on its standard input.
enum Program {
    struct Result {
        /// What it ended with; 128 and the signal's number where a signal ended it.
        let status: Int32
        let output: [UInt8]
        let errors: [UInt8]
    }

    /// - Parameters:
    ///   - name: looked up on the PATH.
    ///   - folder: where its output is kept until it is read.
    ///   - variables: what it sees besides.
    ///   - handedOn: names of variables of this process that it sees too.
    static func run(
        _ name: String, _ arguments: [String], folder: String, variables own: [String: String] = [:],
        handedOn: [String] = []
    ) throws(DepotFailure) -> Result {
        let output = folder + "/output", errors = folder + "/errors"
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        var words: [UnsafeMutablePointer<CChar>?] = ([name] + arguments).map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = [strdup("LC_ALL=C")]
        for variable in ["PATH", "HOME", "TMPDIR"] + handedOn {
            if let value = getenv(variable) { variables.append(strdup("\(variable)=\(String(cString: value))")) }
        }
        for (name, value) in own { variables.append(strdup("\(name)=\(value)")) }
        variables.append(nil)
        defer { for word in words + variables { free(word) } }
        var child = pid_t()
        let code = posix_spawnp(&child, name, &actions, nil, &words, &variables)
        guard code == 0 else {
            throw DepotFailure(
                "can't start \(name)", cause: String(cString: strerror(code)),
                fix: code == ENOENT ? "install it: apt install \(name)" : nil, .resources)
        }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        do {
            return Result(
                status: signal == 0 ? status >> 8 & 0xff : 128 + signal, output: try File.read(output),
                errors: try File.read(errors))
        } catch { throw DepotFailure(error.summary, cause: error.cause, error.exitCode) }
    }
}
