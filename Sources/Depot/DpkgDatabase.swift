internal import Failures
internal import Files
internal import Glibc

/// dpkg's records of packages that are unpacked and not yet configured, written as dpkg itself would have left them.
struct DpkgDatabase {
    let root: String
    let packages: [PackageControl]

    private var folder: String { root + "/var/lib/dpkg" }

    /// Renames configuration files to `.dpkg-new`, as dpkg finds them when it configures, and writes the records.
    ///
    /// - Parameter moved: where a path that a package names lies in the root.
    func write(moved: (String) -> String) throws {
        for name in ["info", "triggers", "updates", "alternatives", "parts"] { try Folder.make(folder + "/" + name) }
        var status: [UInt8] = []
        for package in packages {
            status += try paragraph(of: package, configurationFiles: try setAside(of: package, moved: moved))
        }
        try File.create(folder + "/status", status)
        for name in ["available", "diversions", "statoverride"] { try File.create(folder + "/" + name, "") }
        try File.create(folder + "/info/format", "1\n")
        try writeTriggers()
    }

    /// - Returns: the configuration files of a package, as it names them.
    private func setAside(of package: PackageControl, moved: (String) -> String) throws -> [String] {
        let list = folder + "/info/\(package.label).conffiles"
        guard File.exists(list) else { return [] }
        var names: [String] = []
        for line in String(decoding: try File.read(list), as: UTF8.self).split(separator: "\n") {
            // `remove-on-upgrade /etc/x` names a file that the package does not bring.
            guard line.hasPrefix("/"), RelativePath(String(line.dropFirst())) != nil else { continue }
            names.append(String(line))
            let path = root + "/" + moved(String(line.dropFirst()))
            guard File.status(path)?.kind == .file else { continue }
            guard rename(path, path + ".dpkg-new") == 0 else { throw FileFailure("rename", path) }
        }
        return names
    }

    private func paragraph(of package: PackageControl, configurationFiles: [String]) throws -> [UInt8] {
        var lines = package.text.split(separator: UInt8(ascii: "\n")).map(Array.init)
        let first = lines.firstIndex { $0.starts(with: "Package:".utf8) } ?? 0
        lines.insert(lines.remove(at: first), at: 0)
        lines.insert(Array("Status: install ok unpacked".utf8), at: 1)
        if !configurationFiles.isEmpty {
            lines.append(Array("Conffiles:".utf8))
            for name in configurationFiles { lines.append(Array(" \(name) newconffile".utf8)) }
        }
        return Array(lines.joined(separator: [UInt8(ascii: "\n")])) + Array("\n\n".utf8)
    }

    /// Which packages want to know what others bring (deb-triggers(5)).
    private func writeTriggers() throws {
        var files: [String] = []
        var named: [String: [String]] = [:]
        for package in packages {
            let list = folder + "/info/\(package.label).triggers"
            guard File.exists(list) else { continue }
            for line in String(decoding: try File.read(list), as: UTF8.self).split(separator: "\n") {
                let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
                guard words.count == 2, words[0].hasPrefix("interest") else { continue }
                let label = package.label + (words[0] == "interest-noawait" ? "/noawait" : "")
                if words[1].hasPrefix("/") {
                    files.append("\(words[1]) \(label)\n")
                } else if RelativePath(String(words[1])).map({ $0.components.count == 1 }) == true {
                    named[String(words[1]), default: []].append(label + "\n")
                }
            }
        }
        try File.create(folder + "/triggers/File", files.sorted().joined())
        for (name, labels) in named { try File.create(folder + "/triggers/" + name, labels.sorted().joined()) }
    }

    /// The packages that are not wholly installed, with their state.
    static func unfinished(in root: String) throws -> [String] {
        let path = root + "/var/lib/dpkg/status"
        return try ControlText.paragraphs(of: try File.read(path), place: path).compactMap { paragraph in
            let status = paragraph["Status"] ?? "unknown"
            return status == "install ok installed" ? nil : Shown.whole("\(paragraph["Package"] ?? "?") is “\(status)”")
        }
    }
}
