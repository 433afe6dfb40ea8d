internal import Failures
internal import Metro

/// What a station uses, where it runs, and who gets what it makes.
extension Explanation {
    var uses: String? {
        let uses = station.uses
        var parts = [Amounts.count(uses.cpus, "cpu")]
        if let memory = uses.memory { parts.append("\(Amount.bytes(memory)) of memory") }
        if uses.gpus > 0 { parts.append(Amounts.count(uses.gpus, "gpu")) }
        let isMany = station.runsForEach || station.turns != nil
        var text = "\(isMany ? "One task" : "It") uses \(Self.list(parts))"
        if let time = uses.time { text += ", and is ended after \(Amount.seconds(time))" }
        return text + "."
    }

    var more: [String?] {
        var told: [String] = []
        if station.retry > 0 {
            told.append(
                "A task that fails is tried again, up to \(Amounts.count(station.retry, "time")), because of “retry: \(station.retry)”."
            )
        }
        if station.usesNetwork { told.append("Its command may use the network, because of “network: yes”.") }
        if let label = station.label {
            told.append("It runs only on hosts with the label “\(Shown.text(label))”, because of “at”.")
        }
        if station.isWritable {
            told.append(
                "Its command may change its environment, because of “writable: yes”; what it changes there is thrown away."
            )
        }
        if station.keepsMade {
            told.append("What it makes stays with the run when nothing needs it any more, because of “keep: yes”.")
        }
        told += station.workspaces.map { mount in
            let others = plan.stations.filter { other in
                other.id != station.id && other.workspaces.contains { $0.name == mount.name }
            }
            let shared =
                others.isEmpty
                ? "no other station uses it"
                : "it shares it with \(Self.list(others.map { Self.name($0.id.name) })) while the metro runs"
            return
                "At {\(Self.path(mount.word))} it finds the workspace \(Self.name(mount.name))\(mount.isReadOnly ? ", which it only reads" : ""): \(shared).\(mount.needs.map { " Of its files \(Self.list($0.map(Self.path))) \($0.count == 1 ? "is" : "are") sure to be there, because of “files”." } ?? "")\(mount.isOpened ? " Where it has several hosts, \(mount.needs == nil ? "a file" : "each other one") comes to this one when its command opens it, because of “rest”." : "")"
        }
        if !station.variables.isEmpty {
            let variables = station.variables.sorted { $0.key < $1.key }.map { "\($0.key)=\(Self.path($0.value))" }
            told.append(
                "Its command sees \(variables.count == 1 ? "the variable" : "the variables") \(Self.list(variables)).")
        }
        if !station.secrets.isEmpty {
            told.append(
                "Its command finds \(station.secrets.count == 1 ? "the secret" : "the secrets") \(Self.list(station.secrets)) in \(station.secrets.count == 1 ? "a variable of its name" : "variables of their names")."
            )
        }
        if station.seed != nil {
            let first = rehearsal.firstTask?.seed.map { ", \($0) for the first one" } ?? ""
            told.append("{seed} is a number that stays the same for the same task\(first).")
        }
        return told
    }

    var environment: String? {
        let needs = plan.environments.first { $0.id == station.environment }?.needs ?? Needs()
        let name =
            plan.environments.count > 1 ? "the environment \(Self.name(station.environment.name))," : "an environment"
        if needs.isEmpty {
            let place = plan.environments.count > 1 ? "\(name) the small base" : "the small base"
            return "It runs in \(place): bash, coreutils, sed, grep, awk, tar and gzip."
        }
        let packages = Self.list(needs.words.map(Self.path), of: 12)
        let they = needs.words.count == 1 ? "it depends" : "they depend"
        return "It runs in \(name) with \(packages), and all that \(they) on."
    }

    // MARK: What becomes of it

    var takers: String? {
        let takers = plan.stations.compactMap { other -> String? in
            let each = other.forEach.contains { $0.station == station.id }
            let whole = other.takes.filter { $0.station == station.id }
            if !each, whole.isEmpty { return nil }
            var parts: [String] = []
            if each { parts.append(station.makesMany ? "once for each task" : "once for each file") }
            for taken in whole {
                parts.append(taken.patterns.isEmpty ? "whole" : "what \(patterns(taken)) selects")
            }
            return "\(Self.name(other.id.name)) (\(Self.list(parts)))"
        }
        return takers.isEmpty
            ? "No other station takes what it makes." : "What it makes is taken by \(Self.list(takers))."
    }

    var results: String? {
        let wanted = plan.results.filter { $0.station == station.id }
        if wanted.isEmpty { return "Nothing of it is copied to the results." }
        let turns = station.turns.map { !$0.keepsLast } ?? false
        let place =
            "results/\(Self.path(station.id.name))/" + (turns && station.runsForEach ? "ITEM/" : "")
            + (turns ? "TURN/" : "")
        if wanted.contains(where: { $0.patterns.isEmpty }) { return "All of it is copied to the results: \(place)." }
        let selected = wanted.map { Self.list($0.patterns.map { Self.name($0) }) }
        return "Of it what \(selected.joined(separator: " or ")) selects is copied to the results: \(place)."
    }
}
