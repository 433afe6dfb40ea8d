internal import Metro

/// Mistakes as they are found: as many are kept as are told, and the others counted.
struct Complaints {
    private(set) var told: [Diagnostic] = []
    private(set) var more = 0

    private static let most = 200

    mutating func add(_ diagnostic: Diagnostic) {
        if told.count < Self.most { told.append(diagnostic) } else { more += 1 }
    }

    static func += (complaints: inout Complaints, diagnostics: [Diagnostic]) {
        for diagnostic in diagnostics { complaints.add(diagnostic) }
    }

    /// nil where there are none.
    var failure: MetroFailure? { told.isEmpty ? nil : MetroFailure(told, more: more) }
}
