/// A metro that stands on a line of another one.
package struct NestedMetro: Sendable {
    /// What it is called there.
    package let name: Located<String>
    package let line: String
    package let metro: Metro
    /// What is given to its inputs; one that is not among them keeps what its own file says.
    package let given: [Given]
    package let isEnabled: Bool
    package let comments: String?

    /// What the metro around gives to an input: an input of its own, or what stations made.
    package struct Given: Sendable {
        package let input: Located<String>
        package let references: [Reference]
    }
}

/// What a metro has for those that take it.
package struct Offer: Sendable {
    /// The station's name, or its path in a metro that stands in this one: `trim`, `cut/trim`.
    package let path: String
    /// All of them must select a file; everything that the station made where there are none.
    package let patterns: [String]
    package let station: Station
}

/// How a metro uses one of its inputs, also in the metros that it gives it to.
package struct InputUse: Sendable {
    /// Some station takes it whole.
    package var isTakenWhole = false
    /// Some station goes through it by `for_each`.
    package var isGoneThrough = false
    /// What files must be that are given to it, and to which of its own they are handed on.
    package var demands: [Demand] = []

    package struct Demand: Sendable {
        /// `reads`, or `cut/reads` where it is handed on.
        package let input: String
        package let valid: Validity
        /// What selects among the files on their way there.
        package var patterns: [String] = []
    }
}

extension InputUse {
    /// Metros that use each other many times could hand an input on in any number of ways.
    private static let mostDemands = 100

    /// Of each input, by its name.
    static func all(of inputs: [Input], by stops: [Stop]) -> [String: InputUse] {
        var uses: [String: InputUse] = [:]
        for input in inputs {
            let name = input.name.value
            uses[name] = InputUse()
            if !input.valid.isEmpty { uses[name]?.demands = [Demand(input: name, valid: input.valid)] }
        }
        for stop in stops where stop.isEnabled {
            switch stop {
            case .station(let station):
                for taken in station.takes where taken.kind == .input { uses[taken.name]?.isTakenWhole = true }
                for taken in station.forEach where taken.kind == .input { uses[taken.name]?.isGoneThrough = true }
            case .nested(let nested):
                for given in nested.given {
                    guard let inside = nested.metro.inputUses[given.input.value] else { continue }
                    for reference in given.references where reference.kind == .input {
                        uses[reference.name]?.add(inside, of: nested.name.value, selectedBy: reference.patterns)
                    }
                }
            }
        }
        return uses
    }

    private mutating func add(_ inside: InputUse, of nested: String, selectedBy patterns: [String]) {
        isTakenWhole = isTakenWhole || inside.isTakenWhole
        isGoneThrough = isGoneThrough || inside.isGoneThrough
        for demand in inside.demands where demands.count < Self.mostDemands {
            let patterns = patterns + demand.patterns
            if demands.contains(where: { $0.valid == demand.valid && $0.patterns == patterns }) { continue }
            demands.append(Demand(input: "\(nested)/\(demand.input)", valid: demand.valid, patterns: patterns))
        }
    }
}
