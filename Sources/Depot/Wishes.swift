internal import Metro

/// What is asked of the archives for one environment.
struct Wishes: Sendable {
    let needs: Needs
    /// What runs.
    let debian: [PackageRequest]
    /// What is there besides while something is built; each set sorted, the sets too.
    let tools: [[String]]

    /// Brings the package `pip` into a place where things are built.
    static let pip = ["python3-pip"]

    init(_ needs: Needs) throws(DepotFailure) {
        self.needs = needs
        var requests: [PackageRequest] = []
        for text in needs.debian { requests.append(try PackageRequest(text)) }
        var tools: Set<[String]> = []
        if needs.pip != nil {
            if !requests.contains(where: { $0.name == "python3" }) { requests.append(try PackageRequest("python3")) }
            tools.insert(Self.pip)
        }
        debian = requests
        self.tools = tools.sorted { $0.lexicographicallyPrecedes($1) }
    }
}
