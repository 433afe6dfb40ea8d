import Metro
import Testing

@testable import Plan

/// What stations ask for, and what hosts have.
@Suite struct RoomTests {
    private func plan(_ uses: Resources...) -> Plan {
        Plan(
            metro: "m", environments: [PlannedEnvironment(id: .main, needs: Needs())], inputs: [],
            stations: uses.enumerated().map {
                PlannedStation(
                    id: StationID("s\($0)"), line: "l", environment: .main, takes: [], forEach: [], command: "date",
                    outputs: ["d"], uses: $1)
            }, results: [])
    }

    @Test func whatNoHostHasIsTold() {
        let (small, large) = (Room(cpus: 4, memory: 8_000_000_000), Room(cpus: 16, memory: 33_554_432_000))
        let plan = plan(
            Resources(cpus: 16), Resources(cpus: 17), Resources(memory: 34_000_000_000), Resources(gpus: 1),
            Resources(cpus: 2, memory: 500_000_000))
        #expect(
            plan.tooLarge(for: [small, large], "the largest has").map { "\($0) \($1)" } == [
                "s1 wants 17 cpus, and the largest has 16", "s2 wants 34 GB of memory, and the largest has 33.6 GB",
                "s3 wants 1 gpu, and the largest has none",
            ])
        #expect(plan.tooLarge(for: [small], "lab has").count == 4)
        #expect(plan.tooLarge(for: [small, nil], "x").isEmpty, "a host that nothing is known of may have all")
        #expect(plan.tooLarge(for: [], "x").isEmpty)
    }

    @Test func oneHostMustHaveAllOfIt() {
        let plan = plan(Resources(cpus: 8, memory: 64_000_000_000))
        let rooms = [Room(cpus: 32, memory: 8_000_000_000), Room(cpus: 4, memory: 128_000_000_000)]
        #expect(plan.tooLarge(for: rooms, "it has").map(\.shortage) == ["wants 64 GB of memory, and it has 8 GB"])
    }

    @Test func aHostNeedsTheEnvironmentsOfTheStationsThatItMayRun() {
        func station(_ name: String, _ environment: String, _ uses: Resources, label: String? = nil) -> PlannedStation {
            PlannedStation(
                id: StationID(name), line: "l", environment: EnvironmentID(environment), takes: [], forEach: [],
                command: "date", outputs: ["d"], uses: uses, label: label)
        }
        let plan = Plan(
            metro: "m", environments: [], inputs: [],
            stations: [
                station("a", "main", Resources(cpus: 1)), station("b", "large", Resources(cpus: 16)),
                station("c", "big", Resources(cpus: 1), label: "big"), station("d", "gpu", Resources(gpus: 1)),
            ], results: [])
        func needed(_ labels: Set<String>, _ room: Room?) -> [String] {
            plan.environments(for: labels, room).map(\.name).sorted()
        }
        #expect(needed([], Room(cpus: 4, memory: 1 << 30)) == ["main"])
        #expect(needed(["big"], Room(cpus: 16, memory: 1 << 30)) == ["big", "large", "main"])
        #expect(needed([], Room(cpus: 4, memory: 1 << 30, gpus: 1)) == ["gpu", "main"])
        #expect(needed([], nil) == ["gpu", "large", "main"], "one that nothing is known of may have all")
    }
}
