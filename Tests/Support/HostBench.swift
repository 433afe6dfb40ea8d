internal import Foundation

/// Hosts that can die and lose their links: each in network, mount, process and name namespaces of its own, with an sshd, a host
/// name and a LASH, on a bridge in one more network namespace, where las runs too. Nothing of it is seen from outside, and all of
/// it ends with the value, and with the test's process, however that ends.
package final class HostBench: @unchecked Sendable {
    /// nil where this machine can have one, else why not.
    package static var missing: String? {
        if geteuid() != 0 { return "only root can make network namespaces" }
        for name in ["sshd", "ssh-keygen", "ip", "unshare", "nsenter", "setpriv"] where Program.find(name) == nil {
            return "\(name) is not installed"
        }
        let tried = try? Program("unshare").run("--net", "--mount", "ip", "link", "add", "br0", "type", "bridge")
        return tried?.status == 0 ? nil : "network namespaces and bridges can't be made here"
    }

    package let names: [String]
    package let folder: String
    private let process: Process
    private let leash: Pipe

    /// An OpenSSH configuration that names nothing outside: for `LAS_SSH_CONFIG`.
    package var clientConfiguration: String { folder + "/client_config" }
    package var key: String { folder + "/key" }
    package func lash(of name: String) -> String { "\(folder)/\(name)/lash" }
    package func address(of name: String) -> String { "root@10.77.0.\((names.firstIndex(of: name) ?? 0) + 2)" }

    /// - Parameters:
    ///   - folder: exists, and is the bench's alone.
    ///   - tampering: hosts whose answers go through a program, by their names: it reads what the runtime says, and writes what las hears.
    package init(_ names: [String], in folder: String, tampering: [String: String] = [:]) throws {
        (self.names, self.folder) = (names, folder)
        let keygen = Program("ssh-keygen")
        try keygen.run("-q", "-t", "ed25519", "-N", "", "-f", folder + "/key")
        try keygen.run("-q", "-t", "ed25519", "-N", "", "-f", folder + "/host_key")
        func write(_ text: String, _ name: String) throws {
            try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
        }
        let host = try String(contentsOfFile: folder + "/host_key.pub", encoding: .utf8).split(separator: " ")
        try write("10.77.0.* \(host[0]) \(host[1])\n", "known_hosts")
        try write(
            "Host *\n  UserKnownHostsFile \(folder)/known_hosts\n  GlobalKnownHostsFile /dev/null\n  IdentityFile none\n",
            "client_config")
        try FileManager.default.createDirectory(atPath: "/run/sshd", withIntermediateDirectories: true)
        for (number, name) in names.enumerated() {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
            var lines = [
                "ListenAddress 10.77.0.\(number + 2)", "PidFile none", "AuthorizedKeysFile \(folder)/key.pub",
                "StrictModes no", "UsePAM no", "PermitRootLogin yes", "PasswordAuthentication no",
                "KbdInteractiveAuthentication no", "MaxStartups 100", "HostKey \(folder)/host_key",
                "SetEnv LASH=\(folder)/\(name)/lash",
            ]
            if let program = tampering[name] {
                try write("#!/bin/sh\nsh -c \"$SSH_ORIGINAL_COMMAND\" | \(program)\n", "\(name)/force")
                lines.append("ForceCommand sh \(folder)/\(name)/force")
            }
            try write(lines.joined(separator: "\n") + "\n", "\(name)/sshd_config")
        }
        try write(Self.hub, "hub.sh")
        (process, leash) = try Leash.start(
            ["unshare", "--net", "--mount", "sh", folder + "/hub.sh", folder] + names, log: folder + "/log")
        for _ in 0..<18_000 where !FileManager.default.fileExists(atPath: folder + "/ready") { usleep(10_000) }
        guard FileManager.default.fileExists(atPath: folder + "/ready") else {
            throw TestSupportError(
                "the hosts do not come up: \((try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? "")")
        }
    }

    deinit { stop() }

    package func stop() {
        try? leash.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// In the namespaces of the bridge.
    @discardableResult
    private func inside(_ words: String...) throws -> Program.Ended {
        try Program("nsenter").run(Array(prefix.dropFirst()) + words)
    }

    /// Runs a program on a host. What it leaves running ends with the host.
    package func run(on name: String, _ words: String...) throws -> Program.Ended {
        try Program("nsenter").run(["-t", text("\(name)/pid"), "-m", "-n", "-p", "-u", "--"] + words)
    }

    /// What makes a command one in the bridge's network.
    package var prefix: [String] {
        ["nsenter", "-t", text("hub.pid"), "-n", "--"]
    }

    private func text(_ name: String) -> String {
        ((try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)) ?? "").trimmingCharacters(
            in: .whitespacesAndNewlines)
    }

    /// The host dies: all its processes at once, without a word.
    package func kill(_ name: String) throws {
        // First the link, so that not even the kernel says goodbye.
        try cut(name)
        if let pid = pid_t(text("\(name)/pid")) { Foundation.kill(pid, SIGKILL) }
    }

    /// Its cable is out; connections know nothing of that.
    package func cut(_ name: String) throws { try inside("ip", "link", "set", "to-\(name)", "down") }
    package func mend(_ name: String) throws { try inside("ip", "link", "set", "to-\(name)", "up") }

    /// What is said to the host over the next moment is answered by “no such connection”.
    package func reset(_ name: String) throws {
        let address = address(of: name).split(separator: "@").last.map(String.init) ?? ""
        let rule = ["OUTPUT", "-p", "tcp", "-d", address, "-j", "REJECT", "--reject-with", "tcp-reset"]
        try Program("nsenter").run(Array(prefix.dropFirst()) + ["iptables", "-w", "-I"] + rule)
        usleep(300_000)
        try Program("nsenter").run(Array(prefix.dropFirst()) + ["iptables", "-w", "-D"] + rule)
    }

    /// The processes of its sshd that hold connections are killed.
    package func killSessions(_ name: String) throws {
        let listening = text("\(name)/pid")
        let children =
            (try? String(contentsOfFile: "/proc/\(listening)/task/\(listening)/children", encoding: .utf8)) ?? ""
        for child in children.split(separator: " ").compactMap({ pid_t($0) }) { Foundation.kill(child, SIGKILL) }
    }

    private static let hub = #"""
        set -e
        folder=$1; shift
        echo $$ > "$folder/hub.pid"
        mount --make-rprivate /
        ip link set lo up
        ip link add br0 type bridge
        ip addr add 10.77.0.1/24 dev br0
        ip link set br0 up
        number=1
        for name in "$@"; do
            number=$((number + 1))
            # Ends with this shell, and all that it holds with it.
            setpriv --pdeathsig KILL unshare --net --mount --pid --uts --fork --kill-child --mount-proc \
                sh -c '
                    hostname "$1"
                    ip link set lo up
                    while ! ip link show eth0 > /dev/null 2>&1; do sleep 0.02; done
                    ip addr add "10.77.0.$2/24" dev eth0
                    ip link set eth0 up
                    exec /usr/sbin/sshd -D -e -f "$3/$1/sshd_config"
                ' host "$name" "$number" "$folder" 2> "$folder/$name/log" &
            parent=$!
            pid=
            while [ -z "$pid" ]; do pid=$(cat "/proc/$parent/task/$parent/children" 2> /dev/null || true); done
            pid=${pid%% *}
            echo "$pid" > "$folder/$name/pid"
            ip link add "to-$name" type veth peer name eth0 netns "$pid"
            ip link set "to-$name" master br0 up
        done
        for name in "$@"; do
            until grep -q "Server listening" "$folder/$name/log"; do sleep 0.02; done
        done
        : > "$folder/ready"
        wait
        """#
}
