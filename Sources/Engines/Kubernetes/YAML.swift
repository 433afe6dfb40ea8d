/// What a manifest is written from. Groups keep the order in which they were made.
package indirect enum YAML: Hashable, Sendable {
    case text(String)
    case number(Int64)
    case flag(Bool)
    case nothing
    case list([YAML])
    case group([Member])

    package struct Member: Hashable, Sendable {
        package let key: String
        package var value: YAML
        /// Written above it, for the person; one line.
        package var comment: String?

        package init(_ key: String, _ value: YAML, comment: String? = nil) {
            (self.key, self.value, self.comment) = (key, value, comment)
        }
    }

    package subscript(key: String) -> YAML? {
        guard case .group(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    package var text: String? { if case .text(let text) = self { text } else { nil } }
}

extension YAML: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral text: String) { self = .text(text) }
    package init(integerLiteral number: Int64) { self = .number(number) }
    package init(booleanLiteral flag: Bool) { self = .flag(flag) }
    package init(arrayLiteral items: YAML...) { self = .list(items) }
    package init(dictionaryLiteral members: (String, YAML)...) { self = .group(members.map { Member($0, $1) }) }
}
