/// Tasks that may start, by their numbers: of each station those first that came first.
struct ReadyTasks: Sendable {
    private struct Line: Sendable {
        var tasks: [Int] = []
        var head = 0
    }

    /// By the station's number.
    private var lines: [Line] = []
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func add(_ task: Int, of station: Int) {
        while lines.count <= station { lines.append(Line()) }
        lines[station].tasks.append(task)
        count += 1
    }

    /// - Parameter room: how many of a station are taken, at most.
    /// - Returns: those of each station in the order of their numbers.
    mutating func take(_ room: (_ station: Int) -> Int) -> [Int] {
        var taken: [Int] = []
        if isEmpty { return taken }
        for number in lines.indices where lines[number].head < lines[number].tasks.count {
            let line = lines[number]
            let end = line.head + min(max(0, room(number)), line.tasks.count - line.head)
            if end == line.head { continue }
            taken += line.tasks[line.head..<end].sorted()
            lines[number].head = end
            if end == line.tasks.count { lines[number] = Line() }
        }
        count -= taken.count
        return taken
    }
}
