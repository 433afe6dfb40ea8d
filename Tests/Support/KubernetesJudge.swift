internal import Files
internal import Foundation

/// What Kubernetes itself says of manifests: the schemas that it publishes for each of its versions, read by the program
/// kubernetes-validate, which is installed from PyPI into the build folder.
package enum KubernetesJudge {
    private static let place = BuiltPrograms.checkout + "/.build/judges/kubernetes"
    private static let version = "1.37.0"

    /// The first that knows `backoffLimitPerIndex`, and the newest that there are schemas of.
    package static let versions = (29...37).map { "1.\($0)" }

    /// nil where it can't be had.
    private static let program: String? = {
        let program = place + "/bin/kubernetes-validate"
        if File.exists(place + "/whole") { return program }
        try? Folder.remove(place)
        guard let made = try? Program("python3").run("-m", "venv", place), made.status == 0,
            let got = try? Program(place + "/bin/pip").run(
                "install", "--quiet", "--disable-pip-version-check", "kubernetes-validate==\(version)"),
            got.status == 0
        else { return nil }
        try? File.write([], to: place + "/whole")
        return program
    }()

    package static var isThere: Bool { program != nil }

    /// - Returns: what it objects to, of all files and versions together; empty when nothing.
    package static func objections(to files: [String], versions: [String] = versions) throws -> String {
        guard let program else { return "kubernetes-validate is not there" }
        var objections = ""
        for version in versions {
            let ended = try Program(program).run(["--strict", "--quiet", "--no-warn", "-k", version] + files)
            if ended.status != 0 { objections += "\(version): \(ended.output)\(ended.errors)\n" }
        }
        return objections
    }
}
