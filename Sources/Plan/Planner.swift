package import Metro

/// A metro and the files of its inputs to a plan.
package enum Planner {
    package static func plan(_ metro: Metro, files: InputFiles) throws(MetroFailure) -> Plan {
        throw MetroFailure([])
    }
}

extension Plan {
    /// Whether the files of all inputs are known: those of `image` inputs are known when the environment is solved.
    package var knowsAllInputs: Bool { inputs.allSatisfy { $0.files != nil } }

    /// The plan with the files of its `image` inputs.
    ///
    /// - Parameter pathsIn: all paths of files in an environment's image, absolute.
    package func resolvingImageInputs(_ pathsIn: (EnvironmentID) -> [String]) throws(PlanFailure) -> Plan { self }
}

extension Plan {
    /// For people: each station with its environment, how often it runs, what it takes, command, outputs and limits.
    package var text: String { "" }
    /// For programs, indented, sorted.
    package var json: String { "" }
}
