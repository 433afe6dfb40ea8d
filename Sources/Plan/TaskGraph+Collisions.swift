internal import Failures
internal import Files
internal import Metro

extension TaskGraph {
    /// That no output of a task stands in the way of another one, and that no two tasks of a station write the same result.
    func checkPlaces(of station: StationState, _ items: [Item]) throws(PlanFailure) {
        // Where all turns are kept, each task's results lie in a folder of their own.
        let wanted = station.planned.turns.map(\.keepsLast) ?? true ? self.wanted[station.planned.id] ?? [] : []
        if station.outputs.count < 2, wanted.isEmpty { return }
        var places: [ExactText: (item: Int, output: Int)] = [:]
        for (number, item) in items.enumerated() {
            var own: [ExactText: Int] = [:]
            for (position, output) in station.outputs.enumerated() {
                let path = output.path(for: item.name)
                if own.updateValue(position, forKey: ExactText(path)) != nil {
                    throw Self.collision("two outputs of \(task(item, of: station))", path, station)
                }
                guard Self.isWanted(output, path, by: wanted) else { continue }
                guard let other = places.updateValue((number, position), forKey: ExactText(path)) else { continue }
                let tasks = "\(task(items[other.item], of: station)) and \(task(item, of: station))"
                throw Self.collision(tasks, path, station)
            }
        }
        // A file where another result has a folder.
        for item in items {
            for output in station.outputs {
                let path = output.path(for: item.name)
                guard places[ExactText(path)] != nil else { continue }
                let names = path.pathNames
                for count in names.indices.dropFirst() {
                    let above = names[..<count].joined(separator: "/")
                    guard let other = places[ExactText(above)], !station.outputs[other.output].isFolder else {
                        continue
                    }
                    throw PlanFailure(
                        "the results “\(Shown.text(above))” of \(task(items[other.item], of: station)) and “\(Shown.text(path))” "
                            + "of \(task(item, of: station)) can't lie in one folder",
                        fix: "call the outputs so that no file has the name of a folder", station: station.planned.id)
                }
            }
        }
    }

    /// A folder's contents are known when it has been made, so a pattern may select some of them.
    private static func isWanted(_ output: OutputName, _ path: String, by wanted: [[Glob]]) -> Bool {
        wanted.contains { globs in globs.allSatisfy { output.isFolder || $0.matches(path) } }
    }

    private func task(_ item: Item, of station: StationState) -> String {
        Shown.text(item.name.isEmpty ? station.planned.id.name : "\(station.planned.id)/\(item.name)", atMost: 100)
    }

    private static func collision(_ who: String, _ path: String, _ station: StationState) -> PlanFailure {
        PlanFailure(
            "\(who) would write the same file, “\(Shown.text(path))”",
            fix: "call the outputs so that the item's name tells them apart", station: station.planned.id)
    }
}
