internal import JSON
package import Plan

/// Which Job of the cluster runs which station: a file that `las manifest kubernetes` writes and the conductor reads.
package struct StationJobs: Hashable, Sendable, Codable {
    package struct Entry: Hashable, Sendable, Codable {
        package let station: StationID
        package let job: String
        /// Pods at a time, at most.
        package let parallel: Int

        package init(station: StationID, job: String, parallel: Int) {
            (self.station, self.job, self.parallel) = (station, job, parallel)
        }
    }

    package let stations: [Entry]

    package init(_ stations: [Entry]) { self.stations = stations }
}

/// How a Job stands, as the cluster's server tells.
struct JobStanding: Hashable, Sendable {
    enum Phase: Sendable { case held, running, ended, missing }

    let phase: Phase
    let completions: Int64

    init(_ answer: ClusterServer.Answer) {
        let conditions = answer.body?["status"]?["conditions"]?.array ?? []
        let hasEnded = conditions.contains {
            ["Complete", "Failed"].contains($0["type"]?.string) && $0["status"]?.string == "True"
        }
        completions = answer.body?["spec"]?["completions"]?.integer ?? 1
        phase =
            answer.status == 404
            ? .missing : hasEnded ? .ended : answer.body?["spec"]?["suspend"]?.bool == true ? .held : .running
    }
}
