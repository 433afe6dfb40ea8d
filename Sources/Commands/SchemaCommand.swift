internal import JSON
internal import Metro

let schemaCommand = CommandSpec(
    name: "schema", about: "print what may stand in a metro, for editors",
    examples: [
        ("las schema > ~/.config/metro.schema.json", "then tell your editor of the file, see below")
    ],
    details: """
        It is a JSON Schema (draft 2020-12). An editor that knows YAML then offers keys and words, explains them, and marks
        what can't be right. For VS Code with its YAML extension put into the settings:
        "yaml.schemas": { "/home/me/.config/metro.schema.json": "metro.yml" }. Other editors with yaml-language-server take
        the line “# yaml-language-server: $schema=FILE” at the beginning of a metro. las check finds more than an editor does.
        """
) { _, context in
    context.terminal.print(bytes: JSONText.bytes(of: Schema.metro, indented: true))
    return .done
}
