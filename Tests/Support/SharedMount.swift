internal import Foundation

/// A file system that is served on loopback and mounted on this machine, as machines of a cluster have one in common. It ends with the value,
/// and with the test's process.
package final class SharedMount {
    /// Where it is mounted.
    package let path: String
    /// Where what is served lies.
    package let served: String
    private var leashes: [(process: Process, pipe: Pipe)] = []
    private var server: SSHServer?

    private init(in folder: String) throws {
        (path, served) = (folder + "/common", folder + "/served")
        for path in [path, served] {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
    }

    package static var missingSSHFS: String? {
        Program.find("sshfs") == nil ? "sshfs is not installed" : SSHServer.missing ?? missingFUSE
    }

    package static var missingGluster: String? {
        Program.find("glusterfsd") == nil ? "glusterfs-server is not installed" : missingFUSE
    }

    private static var missingFUSE: String? {
        access("/dev/fuse", R_OK | W_OK) == 0 ? nil : "/dev/fuse can't be opened"
    }

    /// By OpenSSH's server, and sshfs.
    package static func sshfs(in folder: String) throws -> SharedMount {
        let mount = try SharedMount(in: folder)
        let files = folder + "/sshfs"
        try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
        // The server that sshd has in itself needs no program beside it.
        let server = try SSHServer(in: files, options: ["Subsystem sftp internal-sftp"])
        try server.setKnownHosts(server.knownHostsLine())
        mount.server = server
        try mount.serve([
            Program.find("sshfs") ?? "sshfs", "-f", "-p", String(server.port), "-F", server.clientConfiguration, "-o",
            "IdentityFile=\(server.userKey(.ed25519)),StrictHostKeyChecking=yes,BatchMode=yes",
            "\(server.user)@127.0.0.1:\(mount.served)", mount.path,
        ])
        try mount.waitUntilMounted("fuse.sshfs")
        return mount
    }

    /// By GlusterFS: a brick of one folder.
    package static func gluster(in folder: String) throws -> SharedMount {
        let mount = try SharedMount(in: folder)
        let port = try SSHServer.freePort()
        func write(_ name: String, _ text: String) throws -> String {
            try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
            return "\(folder)/\(name)"
        }
        let brick = try write(
            "brick.vol",
            """
            volume posix
              type storage/posix
              option directory \(mount.served)
            end-volume
            volume locks
              type features/locks
              subvolumes posix
            end-volume
            volume server
              type protocol/server
              option transport-type tcp
              option transport.socket.bind-address 127.0.0.1
              option transport.socket.listen-port \(port)
              option auth.addr.locks.allow 127.0.0.1
              subvolumes locks
            end-volume

            """)
        let client = try write(
            "client.vol",
            """
            volume client
              type protocol/client
              option transport-type tcp
              option remote-host 127.0.0.1
              option remote-port \(port)
              option remote-subvolume locks
            end-volume

            """)
        try mount.serve([Program.find("glusterfsd") ?? "glusterfsd", "-N", "-f", brick, "-l", folder + "/brick.log"])
        // The client tries again until the brick listens.
        try mount.serve([
            Program.find("glusterfs") ?? "glusterfs", "-N", "-f", client, "-l", folder + "/client.log", mount.path,
        ])
        try mount.waitUntilMounted("fuse.glusterfs")
        return mount
    }

    deinit { end() }

    package func end() {
        _ = try? Program("umount").run("-l", path)
        // The client first.
        for (process, pipe) in leashes.reversed() {
            try? pipe.fileHandleForWriting.close()
            process.waitUntilExit()
        }
        leashes = []
        server?.stop()
        server = nil
    }

    private func serve(_ command: [String]) throws { leashes.append(try Leash.start(command, log: path + ".log")) }

    /// Until it is mounted, and what is written there arrives.
    private func waitUntilMounted(_ kind: String) throws {
        for _ in 0..<9000 {
            let mounts = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
            if mounts.contains(" \(path) \(kind) "),
                (try? Data().write(to: URL(fileURLWithPath: path + "/tried"))) != nil
            {
                try FileManager.default.removeItem(atPath: path + "/tried")
                return
            }
            usleep(20_000)
        }
        throw TestSupportError(
            "\(kind) is not mounted: \((try? String(contentsOfFile: path + ".log", encoding: .utf8)) ?? "")")
    }
}
