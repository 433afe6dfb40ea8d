package import Failures
package import JSON
package import Metro

/// Failures and the mistakes of a metro for editors and scripts; `docs/json.md` describes it.
package enum FailureJSON {
    /// `{"error": {"summary": …, "exitCode": 2, …}}`; with all mistakes where it is a metro that has them.
    package static func object(_ failure: some Failure) -> JSONValue {
        var told: [String: JSONValue] = [
            "summary": .string(failure.summary), "exitCode": .integer(Int64(failure.exitCode.rawValue)),
        ]
        told["place"] = failure.place.map { .string($0) }
        told["fix"] = failure.fix.map { .string($0) }
        if let metro = failure as? MetroFailure {
            told["diagnostics"] = .array(metro.diagnostics.map(diagnostic))
            told["more"] = .integer(Int64(metro.more))
        } else {
            told["cause"] = failure.cause.map { .string($0) }
        }
        return ["error": .object(told)]
    }

    /// `{"severity": "error", "file": …, "line": 3, "column": 5, "message": …}`
    package static func diagnostic(_ mistake: Diagnostic) -> JSONValue {
        var told = place(Position(line: mistake.line, column: mistake.column, endColumn: mistake.endColumn))
        told["severity"] = "error"
        told["file"] = .string(mistake.file)
        told["message"] = .string(mistake.message)
        told["fix"] = mistake.fix.map { .string($0) }
        told["beside"] = mistake.beside.map { label in
            .object(place(label.position).merging(["message": .string(label.text)]) { $1 })
        }
        return .object(told)
    }

    /// What is no mistake, of the whole metro.
    package static func note(_ text: String, file: String) -> JSONValue {
        ["severity": "note", "file": .string(file), "message": .string(text)]
    }

    private static func place(_ position: Position) -> [String: JSONValue] {
        var told: [String: JSONValue] = [
            "line": .integer(Int64(position.line)), "column": .integer(Int64(position.column)),
        ]
        told["endColumn"] = position.endColumn.map { .integer(Int64($0)) }
        return told
    }
}
