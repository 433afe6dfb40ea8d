/// What a group or list is to the metro language: the order of its keys, and what stands below each.
struct LayoutShape {
    private enum Kind {
        case group(Keys)
        /// All members are the same.
        case all(Key.Value)
        case unknown
    }

    private let kind: Kind

    /// - Parameter keys: nil for a list.
    init(of value: Key.Value?, keys: [String]?) { kind = value.map { Self.kind(of: $0, keys) } ?? .unknown }

    private static func kind(of value: Key.Value, _ keys: [String]?) -> Kind {
        switch value {
        case .group(let group) where keys != nil: return .group(group)
        case .named(_, let member) where keys != nil: return .all(member)
        case .list(let item) where keys == nil: return .all(item)
        case .either(let values):
            let kinds = values.map { kind(of: $0, keys) }
            // A station or a metro: the one whose first key is there.
            let fitting = kinds.first { kind in
                if case .group(let group) = kind {
                    group.required.allSatisfy { keys?.contains($0) ?? false }
                } else {
                    false
                }
            }
            return fitting ?? kinds.first { if case .unknown = $0 { false } else { true } } ?? .unknown
        default: return .unknown
        }
    }

    func value(of key: String) -> Key.Value? {
        switch kind {
        case .group(let keys): keys.keys.first { $0.name == key }?.value
        case .all(let value): value
        case .unknown: nil
        }
    }

    /// In the order that the documentation has; names that the metro gives stay as they are.
    func ordered<Entry>(_ entries: [Entry], by key: (Entry) -> String) -> [Entry] {
        guard case .group(let keys) = kind else { return entries }
        let places = Dictionary(keys.known.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        return entries.enumerated().sorted {
            (places[key($0.element)] ?? .max, $0.offset) < (places[key($1.element)] ?? .max, $1.offset)
        }.map(\.element)
    }
}
