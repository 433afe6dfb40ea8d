internal import Failures
internal import Files
internal import JSON
internal import Parts
internal import Plan
internal import Terminal

/// What `run` and `deploy` would do, from a metro or a bundle; nothing is fetched, built or started.
struct DryRun {
    private enum Material {
        case plan(Plan)
        /// With the names of the inputs that would be replaced.
        case bundle(BundleFile, replaced: [String])
    }

    private let given: String
    private let hosts: [String]
    private let material: Material
    /// What of it is done already; told of a metro that would run here.
    private let forecast: RunForecast?

    init(_ given: String, _ invocation: Invocation, on hosts: [String], _ context: Context) async throws {
        (self.given, self.hosts) = (given, hosts)
        let inputs = try InputOption.values(invocation, context)
        if File.status(given, follow: true)?.kind == .file, !given.hasSuffix(".yml"), !given.hasSuffix(".yaml") {
            let bundle = try BundleFile.open(given)
            material = .bundle(bundle, replaced: inputs.isEmpty ? [] : try RunMaterial.replaced(inputs, in: bundle))
            forecast = nil
        } else {
            let source = try MetroSource.read(given, inputs: inputs)
            material = .plan(source.plan)
            forecast =
                hosts == ["local"] && !invocation.has("--fresh") && invocation.value("--sandbox") != "off"
                ? await RunForecast(source, context) : nil
        }
    }

    func tell(_ terminal: Terminal) {
        if terminal.tellsJSON { return terminal.print(bytes: JSONText.bytes(of: json, indented: true)) }
        switch material {
        case .plan(let plan): terminal.print(Shown.whole(plan.text + (forecast?.text ?? ""), keepingLines: true))
        case .bundle(let bundle, let replaced):
            terminal.print("the bundle \(Shown.whole(given)), identity \(bundle.identity.short), has these parts:")
            for part in bundle.parts.map(\.part) {
                terminal.print(
                    "  \(part.kind.rawValue) \(Shown.whole(part.name)): \(Amounts.bytes(part.size)), \(part.digest.short)"
                )
            }
            if !replaced.isEmpty {
                terminal.print(
                    "Its metro would be written anew, with other files for: "
                        + Shown.whole(replaced.joined(separator: ", ")))
            }
        }
        terminal.print("It would run on: " + hosts.joined(separator: ", "))
    }

    private var json: JSONValue {
        var told: [String: JSONValue] = ["hosts": .array(hosts.map { .string($0) })]
        switch material {
        case .plan(let plan):
            told["plan"] = JSONValue(encoding: plan)
            told["forecast"] = forecast?.json
        case .bundle(let bundle, let replaced):
            told["bundle"] = .string(given)
            told["identity"] = .string(bundle.identity.hex)
            told["parts"] = .array(bundle.parts.map { JSONValue(encoding: $0.part) })
            told["replaced"] = .array(replaced.map { .string($0) })
        }
        return .object(told)
    }
}
