internal import Files
internal import Glibc

/// Takes from a configured root what must not be in an image: what was there only for the scripts, logs, what is different
/// each time, and secrets that scripts made (every copy of the image would have the same ones).
struct RootCleaning {
    static let policy = "/usr/sbin/policy-rc.d"

    let root: String
    /// The time that replaces those of the scripts' run.
    let epoch: Int64

    private static let files = [
        policy, "/etc/.pwd.lock", "/etc/group-", "/etc/gshadow-", "/etc/passwd-", "/etc/shadow-", "/etc/subgid-",
        "/etc/subuid-",
        "/etc/machine-id", "/var/lib/dbus/machine-id", "/etc/munge/munge.key", "/etc/ssl/private/ssl-cert-snakeoil.key",
        "/etc/ssl/certs/ssl-cert-snakeoil.pem", "/var/cache/ldconfig/aux-cache", "/var/lib/systemd/random-seed",
        "/var/lib/systemd/credential.secret",
        "/var/lib/dpkg/available", "/var/lib/dpkg/lock", "/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/triggers/Lock",
    ]

    func clean() throws {
        for path in Self.files { unlink(root + path) }
        try removeFiles(in: "/var/log")
        try removeFiles(in: "/etc/ssh") { $0.hasPrefix("ssh_host_") }
        for folder in ["/var/lib/dpkg", "/var/cache/debconf"] { try removeFiles(in: folder) { $0.hasSuffix("-old") } }
        // Links by hash to the certificate above.
        let certificates = root + "/etc/ssl/certs"
        if File.status(certificates)?.kind == .folder {
            for name in try Folder.names(in: certificates) where File.status(certificates + "/" + name)?.kind == .link {
                if File.status(certificates + "/" + name, follow: true) == nil { unlink(certificates + "/" + name) }
            }
        }
        try File.create(root + "/var/lib/dpkg/available", "")
        let certificatesOfJava = certificates + "/java/cacerts"
        if File.status(certificatesOfJava)?.kind == .file,
            let timeless = JavaKeystore.withTimes(try File.read(certificatesOfJava), epoch)
        {
            try File.create(certificatesOfJava, timeless)
        }
    }

    private func removeFiles(in folder: String, _ isWanted: (String) -> Bool = { _ in true }) throws {
        guard File.status(root + folder)?.kind == .folder else { return }
        for name in try Folder.names(in: root + folder) {
            let path = "\(folder)/\(name)"
            switch File.status(root + path)?.kind {
            case .folder: try removeFiles(in: path, isWanted)
            case .some where isWanted(name): unlink(root + path)
            default: break
            }
        }
    }
}
