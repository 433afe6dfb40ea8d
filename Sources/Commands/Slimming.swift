internal import Depot
internal import Failures
internal import Files
internal import JSON
internal import Layers
internal import Plan

/// What the environments' images do without, as the metro's image tells it: `slimmed.json`.
struct Slimming: Hashable, Codable {
    static let file = "slimmed.json"

    /// By the environments' names; without those that keep all.
    var environments: [String: [SlimmedTree.LeftOut]] = [:]

    /// "translations (12 MB), manual pages (3 MB)".
    static func words(_ leftOut: [SlimmedTree.LeftOut]) -> String {
        leftOut.sorted { ($1.bytes, $0.rule) < ($0.bytes, $1.rule) }
            .map { "\($0.rule) (\(Amounts.bytes($0.bytes)))" }.joined(separator: ", ")
    }
}

extension Packing {
    /// The tree as its image has it.
    ///
    /// - Parameter plan: with the files of its `image` inputs, which stay, with all that lies beside them.
    static func slimmed(
        _ tree: LayeredTree, of environment: PlannedEnvironment, _ locked: LockedEnvironment, in plan: Plan,
        _ depot: Depot
    ) -> SlimmedTree {
        let inputs = plan.imageInputs.filter { $0.environments.contains(environment.id) && $0.base == nil }
        let named = inputs.flatMap { $0.files ?? [] }.map(\.path)
        var kept: [RelativePath] = []
        if !named.isEmpty {
            let merged = tree.merged()
            let folders = Set(merged.lazy.filter { $0.entry.kind == .folder }.map(\.path))
            let locations = FileLocations(tree, merged: merged)
            for path in Set(named.flatMap(locations.steps)) {
                kept.append(folders.contains(path) ? path : path.parent ?? path)
            }
        }
        return tree.slimmed(keeping: kept, asked: depot.askedLayers(of: locked))
    }
}
