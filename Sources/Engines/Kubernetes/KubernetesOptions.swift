internal import Failures
internal import Plan

/// What a person says of the cluster; none of it is the metro's.
package struct KubernetesOptions: Sendable {
    package enum AccessMode: String, CaseIterable, Sendable {
        case once = "ReadWriteOnce"
        case many = "ReadWriteMany"
        case oncePod = "ReadWriteOncePod"
    }

    /// By its digest; of a metro with several environments the one that the conductor runs in.
    package var imageOfAll: String?
    /// Of each environment, by its name, where the metro has several.
    package var images: [(key: String, value: String)] = []
    /// What all objects are called after; nil for the metro's name.
    package var name: String?
    package var namespace: String?
    /// nil for the cluster's own.
    package var storageClass: String?
    /// nil for what fits the form.
    package var accessMode: AccessMode?
    package var size = "10Gi"
    /// Names of secrets with the registry's credentials.
    package var pullSecrets: [String] = []
    /// The name of the Secret whose keys are the stations' secrets.
    package var secret = "las-secrets"
    /// Labels that a node must have, sorted.
    package var nodes: [(key: String, value: String)] = []
    /// Which label of a node `at: LABEL` stands for: `LABEL` and `KEY=VALUE`; else `las/LABEL=true`.
    package var places: [(key: String, value: String)] = []
    /// Claims that are there already, and where pods find them.
    package var claims: [(key: String, value: String)] = []
    /// Inputs that the manifest itself brings; nil for those of the image.
    package var inputs: CarriedInputs?
    /// Pods of one station at a time, at most.
    package var parallel = 500
    /// Seconds that the conductor stays after the run's end, for who brings it home.
    package var stay = 0
    /// What ended without its results goes on: the conductor is told so once for each such word.
    package var again: String?

    /// - Parameter image: `REGISTRY/NAME@sha256:…`.
    package init(image: String? = nil) { imageOfAll = image }

    var image: String { imageOfAll ?? "" }

    /// As they stand on a command line.
    package var shownImages: String {
        images.isEmpty ? "--image \(image)" : images.map { "--image \($0.key)=\($0.value)" }.joined(separator: " ")
    }

    /// The image of an environment of this plan.
    func image(of environment: EnvironmentID?, in plan: Plan) throws(EngineFailure) -> String {
        guard plan.environments.count > 1, let environment else { return image }
        guard let found = images.first(where: { $0.key == environment.name }) else {
            let names = plan.environments.map { Shown.text($0.id.name) }.joined(separator: ", ")
            throw EngineFailure(
                "the image of the environment \(Shown.text(environment.name)) is not named",
                cause: "the metro has \(plan.environments.count) environments (\(names)), and each has an image",
                fix: "--image \(Shown.text(environment.name))=REF@DIGEST and the others, as “las push” prints them")
        }
        return found.value
    }

    /// A name that no other run of the metro has.
    package static func newName(for metro: String) -> String {
        let sign = String(UInt32.random(in: 0x10000...0xFFFFF), radix: 16)
        return ObjectName.of(metro, atMost: longestName - 1 - sign.utf8.count) + "-" + sign
    }

    /// - Throws: for what Kubernetes would refuse.
    package func check() throws(EngineFailure) {
        if let name { try ObjectName.check(name, as: "the name of a run", atMost: Self.longestName) }
        if let namespace { try ObjectName.check(namespace, as: "a namespace", atMost: 63) }
        for (given, what) in [
            (storageClass.map { [$0] } ?? [], "a storage class"), (pullSecrets + [secret], "a secret"),
        ] {
            for name in given where !Self.isSubdomain(name) {
                throw EngineFailure("“\(Shown.text(name))” can't be the name of \(what) in Kubernetes")
            }
        }
        guard Self.isQuantity(size) else {
            throw EngineFailure(
                "“\(Shown.text(size))” is no size of a volume", fix: "a number and a unit: 500Mi, 10Gi, 2Ti")
        }
        for (key, value) in nodes where !Self.isLabel(key: key) || !Self.isLabel(value: value) {
            throw EngineFailure(
                "“\(Shown.text("\(key)=\(value)"))” is no label of a node",
                fix: "as “kubectl get nodes --show-labels” shows them")
        }
        for (label, node) in places {
            let parts = node.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, Self.isLabel(key: parts[0]), Self.isLabel(value: parts[1]) else {
                throw EngineFailure(
                    "“\(Shown.text("\(label)=\(node)"))” does not say which label of a node “at: \(Shown.text(label))” stands for",
                    fix: "--at ssd=disktype=ssd, with labels as “kubectl get nodes --show-labels” shows them")
            }
        }
        for (name, place) in claims {
            guard Self.isSubdomain(name) else {
                throw EngineFailure("“\(Shown.text(name))” can't be the name of a claim in Kubernetes")
            }
            guard Self.isPlace(place), claims.count(where: { $0.value == place }) == 1 else {
                throw EngineFailure(
                    "the claim \(name) can't be at “\(Shown.text(place))” in pods",
                    cause: "it is no path, or something else is there",
                    fix: "name a folder that no image has, for each claim another one: --claim \(name)=/data")
            }
        }
        guard parallel > 0 else { throw EngineFailure("at least one pod must run at a time") }
    }

    /// The label of a node that a station's `at` stands for.
    func node(at label: String) throws(EngineFailure) -> (key: String, value: String) {
        if let given = places.first(where: { $0.key == label })?.value {
            let parts = given.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            return (parts[0], parts.count > 1 ? parts[1] : "")
        }
        guard Self.isLabel(key: "las/" + label) else {
            throw EngineFailure(
                "“at: \(Shown.text(label))” can't be a label of a node in Kubernetes",
                fix: "say which label of a node stands for it: --at '\(Shown.text(label))=disktype=ssd'")
        }
        return ("las/" + label, "true")
    }

    /// Behind it come a station's name and the number of a pod.
    static let longestName = 30

    /// A path that hides nothing of an image's own.
    private static func isPlace(_ path: String) -> Bool {
        let names = path.split(separator: "/", omittingEmptySubsequences: false)
        let taken = [
            ".las", "bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "proc", "run", "sbin", "sys", "task", "tmp",
            "usr", "var", "work",
        ]
        return names.count > 1 && names[0].isEmpty && path.utf8.count < 1000 && !taken.contains(String(names[1]))
            && names.dropFirst().allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
            && path.utf8.allSatisfy { isAlphanumeric($0) || "/-_.".utf8.contains($0) }
    }

    private static func isSubdomain(_ name: String) -> Bool {
        (1...253).contains(name.utf8.count)
            && name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { part in
                isAlphanumeric(part.utf8.first) && isAlphanumeric(part.utf8.last)
                    && part.utf8.allSatisfy { (isAlphanumeric($0) && !isCapital($0)) || $0 == UInt8(ascii: "-") }
            }
    }

    private static func isQuantity(_ text: String) -> Bool {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        return !digits.isEmpty && digits.count <= 15 && digits != "0"
            && ["", "Ki", "Mi", "Gi", "Ti", "Pi", "k", "M", "G", "T", "P"].contains(text.dropFirst(digits.count))
    }

    private static func isLabel(key: String) -> Bool {
        let parts = key.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2 {
            return isSubdomain(String(parts[0])) && isLabel(value: String(parts[1])) && parts[1] != ""
        }
        return isLabel(value: key) && !key.isEmpty
    }

    private static func isLabel(value: String) -> Bool {
        if value.isEmpty { return true }
        return value.utf8.count <= 63 && isAlphanumeric(value.utf8.first) && isAlphanumeric(value.utf8.last)
            && value.utf8.allSatisfy { isAlphanumeric($0) || "-_.".utf8.contains($0) }
    }

    private static func isCapital(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }

    private static func isAlphanumeric(_ byte: UInt8?) -> Bool {
        guard let byte else { return false }
        return (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
