internal import Execution
internal import Failures
internal import Files
internal import HostProtocol
internal import JSON
internal import Parts

/// `x.las inspect`: what the bundle holds.
enum InspectCommand {
    static func run(_ arguments: [String]) throws {
        let arguments = try Arguments(arguments, flags: ["json"])
        let bundle = try Bundles.open(try arguments.only)
        if arguments.has("json") {
            let parts = bundle.parts.map { placed in
                JSONValue.object([
                    "kind": .string(placed.part.kind.rawValue), "name": .string(placed.part.name),
                    "size": .integer(placed.part.size), "digest": .string(placed.part.digest.hex),
                    "offset": .integer(placed.offset), "extents": .integer(Int64(placed.extents.extents.count)),
                ])
            }
            let value: JSONValue = ["identity": .string(bundle.identity.hex), "parts": .array(parts)]
            Output.line(JSONText.string(of: value, indented: true))
            return
        }
        Output.line("\(Shown.whole(bundle.metro.part.name)), \(Amounts.bytes(bundle.size))")
        Output.line("identity \(bundle.identity)")
        for placed in bundle.parts {
            Output.line(
                "  \(Shown.whole(placed.part.words)): \(Amounts.bytes(placed.part.size)) at \(placed.offset), \(placed.part.digest.short)"
            )
        }
    }
}

/// `las-runtime doctor`: what this host offers.
enum DoctorCommand {
    static func run(_ arguments: [String]) throws {
        let arguments = try Arguments(arguments, valued: ["lash"], flags: ["json"])
        _ = try arguments.take()
        let lash = arguments["lash"].map { LASH(root: $0) } ?? LASH.ofUser(environment: Bundles.environment())
        let facts = Doctor.examine(lash)
        if arguments.has("json") {
            Output.line(JSONText.string(of: JSONValue(encoding: facts), indented: true))
            return
        }
        Output.line("\(Shown.whole(facts.name)): Linux \(Shown.whole(facts.kernel)), \(facts.architecture)")
        Output.line("cpus     \(facts.cpus)")
        Output.line("memory   \(Amounts.bytes(facts.memory))")
        Output.line("disk     \(Amounts.bytes(facts.freeDisk)) free at \(lash.root)")
        if let offers = facts.offers {
            for (name, lack) in [
                ("loop    ", offers.loopDevices), ("fuse    ", offers.fuse), ("userns  ", offers.userNamespaces),
            ] { Output.line("\(name) \(lack.map { "no: \(Shown.whole($0))" } ?? "yes")") }
            let limits = offers.memoryLimits.map { ", which can't hold tasks to their memory: \(Shown.whole($0))" }
            Output.line("cgroups  \(offers.cgroups)\(limits ?? "")")
            Output.line("gpus     \(offers.gpus)")
        }
        Output.line("engine   \(facts.engine ?? "?"), because \(facts.reason ?? "?")")
        for note in facts.notes { Output.line("note     \(note)") }
    }
}
