internal import Failures

/// The options as words, which is how a run keeps them: several values of one stand on lines of their own.
extension KubernetesOptions {
    /// - Throws: for what Kubernetes would refuse.
    package init(_ words: [String: String]) throws(EngineFailure) {
        self.init(image: words["image"])
        func lines(_ name: String) -> [String] { words[name]?.split(separator: "\n").map(String.init) ?? [] }
        (name, namespace, storageClass) = (words["name"], words["namespace"], words["storage-class"])
        accessMode = words["access-mode"].flatMap(AccessMode.init)
        size = words["size"] ?? size
        pullSecrets = lines("pull-secret")
        secret = words["secret"] ?? secret
        nodes = lines("node").map(Self.pair)
        places = lines("at").map(Self.pair)
        images = lines("images").map(Self.pair)
        claims = lines("claim").map(Self.pair)
        parallel = words["parallel"].flatMap(Int.init) ?? parallel
        try check()
    }

    package var words: [String: String] {
        var words = ["image": image, "size": size, "secret": secret, "parallel": "\(parallel)"]
        (words["name"], words["namespace"], words["storage-class"]) = (name, namespace, storageClass)
        words["access-mode"] = accessMode?.rawValue
        func set(_ key: String, _ lines: [String]) { if !lines.isEmpty { words[key] = lines.joined(separator: "\n") } }
        set("pull-secret", pullSecrets)
        set("node", nodes.map { "\($0.key)=\($0.value)" })
        set("images", images.map { "\($0.key)=\($0.value)" })
        set("claim", claims.map { "\($0.key)=\($0.value)" })
        set("inputs", inputs?.names ?? [])
        set("at", places.map { "\($0.key)=\($0.value)" })
        return words
    }

    /// The inputs that the manifest brings, of a run that was begun with these words.
    package static func carried(_ words: [String: String]) -> [String] {
        words["inputs"]?.split(separator: "\n").map(String.init) ?? []
    }

    private static func pair(_ text: String) -> (key: String, value: String) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        return (parts[0], parts.count > 1 ? parts[1] : "")
    }
}
