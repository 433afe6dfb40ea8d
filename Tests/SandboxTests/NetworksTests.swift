import Sandbox
import TestSupport
import Testing

/// A thread's sandboxes, one after another, may have the same network, as long as nothing is left in it.
@Suite struct NetworksTests {
    private func network(_ script: String, mayStay: Bool = false) throws -> [Substring] {
        var plan = taskPlan(script + "\nreadlink /proc/self/ns/net; ls /sys/class/net 2> /dev/null || true")
        (plan.sharesNetworkInTurn, plan.mayStayInNetwork) = (true, mayStay)
        let ran = try run(plan, as: .root)
        #expect(ran.end == .exited(0), "\(ran.output)")
        return ran.lines
    }

    @Test func theNextOneHasTheSameUnlessSomethingIsLeft() throws {
        guard OrdinaryUser.isRootHere, Program.find("python3") != nil else { return }
        let first = try network("(exec 3<> /dev/tcp/127.0.0.1/9) 2> /dev/null && exit 1")
        let second = try network("true")
        #expect(first.first == second.first && first.first?.hasPrefix("net:") == true)
        // Who closes first keeps the port for a minute.
        let leaving = """
            python3 -c '
            import socket
            server = socket.create_server(("127.0.0.1", 7777))
            client = socket.create_connection(("127.0.0.1", 7777))
            served, _ = server.accept()
            served.close(); client.close(); server.close()'
            """
        #expect(try network(leaving).first == first.first)
        // It binds there at once, as in a network that nobody used.
        let binds = """
            python3 -c '
            import socket
            socket.socket().bind(("127.0.0.1", 7777))'
            """
        let fresh = try network(binds)
        // The thread itself is where it was.
        var host = taskPlan("readlink /proc/self/ns/net")
        host.namespaces.remove(.network)
        let here = try Program("readlink").run("/proc/self/ns/net").output
        #expect(try run(host, as: .root).output == here && here != "\(fresh[0])\n")
    }
}
