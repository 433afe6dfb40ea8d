internal import Metro

/// What is asked of the archives for one environment.
struct Wishes: Sendable {
    let needs: Needs
    /// What runs.
    let debian: [DebianRequest]
    /// What is there besides while something is built; each set sorted, the sets too.
    let tools: [[String]]

    /// Brings the package `pip`, and what Python's packages are built with, into a place where things are built.
    static func tools(of pip: PipNeeds?) -> [String] { Array(Set(["python3-pip"] + (pip?.tools ?? []))).sorted() }

    init(_ needs: Needs) throws(DepotFailure) {
        self.needs = needs
        var requests: [DebianRequest] = []
        for text in needs.debian { requests.append(try DebianRequest(checking: text)) }
        var tools: Set<[String]> = []
        if needs.pip != nil {
            if !requests.contains(where: { $0.name == "python3" }) {
                requests.append(try DebianRequest(checking: "python3"))
            }
            for name in needs.pip?.tools ?? [] { _ = try DebianRequest(checking: name) }
            tools.insert(Self.tools(of: needs.pip))
        }
        for need in needs.builds where !need.tools.isEmpty {
            for name in need.tools { _ = try DebianRequest(checking: name) }
            tools.insert(need.tools)
        }
        debian = requests
        self.tools = tools.sorted { $0.lexicographicallyPrecedes($1) }
    }
}
