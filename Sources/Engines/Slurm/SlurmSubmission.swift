internal import Failures
internal import Files
package import Plan

/// What `sbatch` is given for a run: a script for each station, and one that submits them.
package struct SlurmSubmission: Hashable, Sendable, CustomStringConvertible {
    package struct File: Hashable, Sendable {
        package let name: String
        package let text: String
    }

    /// A station's jobs: what their numbers are written down as.
    package struct Station: Hashable, Sendable {
        package let id: StationID
        /// `03-align`: its script is `03-align.sbatch`, the numbers of its jobs stand in `03-align.jobs`.
        package let key: String
    }

    /// `submit.sh` first.
    package let files: [File]
    /// In the order of the plan.
    package let stations: [Station]
    private let head: String

    /// Where the run's own program and folder are, as a person or las says it.
    package struct Places: Hashable, Sendable {
        /// The bundle, or the runtime where the folder says what it runs.
        package let program: String
        package let work: String
        /// Whether the program is a bundle, and begins the run.
        package let isBundle: Bool
        /// Whether somebody looks on who writes the run's journal; else a last job does.
        package let isFollowed: Bool

        package init(program: String, work: String, isBundle: Bool, isFollowed: Bool) {
            (self.program, self.work, self.isBundle, self.isFollowed) = (program, work, isBundle, isFollowed)
        }
    }

    /// - Throws: for a plan that no graph can be made of, and for paths that can't be named to Slurm.
    package init(_ plan: Plan, _ options: SlurmOptions, _ places: Places) throws(EngineFailure) {
        try plan.refuseServers("Slurm without “--nodes”")
        for path in [places.program, places.work]
        where path.utf8.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "\\") }) {
            throw EngineFailure("“\(Shown.text(path))” can't be named to Slurm", fix: "use a path without “%” and “\\”")
        }
        let steps: [StationSteps]
        do throws(PlanFailure) {
            var graph = try TaskGraph(plan)
            steps = graph.allSteps()
        } catch {
            throw EngineFailure(error.summary, cause: error.cause, fix: error.fix, error.exitCode)
        }
        var stations: [Station] = []
        for (number, step) in steps.enumerated() {
            let digits = String(steps.count - 1).count
            let place = String(repeating: "0", count: max(0, digits - String(number).count)) + "\(number)"
            stations.append(Station(id: step.station, key: "\(place)-\(SlurmText.name(step.station.name))"))
        }
        self.stations = stations
        let writer = SlurmScripts(plan, options, places, steps: steps, keys: stations.map(\.key))
        files =
            [File(name: "submit.sh", text: writer.submit)]
            + stations.indices.map { File(name: stations[$0].key + ".sbatch", text: writer.job($0)) }
        head = writer.head
    }

    /// One script for the standard output, which writes down the others and submits them.
    package var description: String {
        head + "mkdir -p \"$work/slurm\"\n"
            + files.map { SlurmText.document($0.text, to: "\"$work/slurm/\($0.name)\"") }.joined()
            + "LAS_PROGRAM=$las LAS_WORK=$work exec sh \"$work/slurm/submit.sh\"\n"
    }
}
