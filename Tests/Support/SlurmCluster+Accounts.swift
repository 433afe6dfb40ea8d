internal import Files
internal import Foundation

/// A cluster that keeps accounts, with made-up graphics processors: what `slurmdbd` and a database of its own need.
extension SlurmCluster {
    /// nil where this machine can run such a one, else why not.
    package static var missingAccounts: String? {
        for name in ["mariadbd", "mariadb-install-db", "slurmdbd", "sacctmgr", "ldconfig", "cc"]
        where Program.find(name) == nil {
            return "\(name) is not installed"
        }
        return missing
    }

    /// Graphics processors of each node.
    package static let gpus = 2

    /// Lines of slurm.conf.
    static func accounting(in folder: String, port: Int) -> String {
        """
        AccountingStorageType=accounting_storage/slurmdbd
        AccountingStorageHost=127.0.0.1
        AccountingStoragePort=\(port)
        AccountingStoragePass=\(folder)/munge.sock
        AccountingStorageEnforce=associations,limits,qos
        AccountingStorageTRES=gres/gpu
        GresTypes=gpu
        """
    }

    /// Writes what the daemons' script finds: accounts.sh for the machine, devices.sh for each node.
    static func writeAccounts(in folder: String, host: String, port: Int) throws {
        try Folder.make(folder + "/db")
        try File.write(
            """
            AuthType=auth/munge
            AuthInfo=socket=\(folder)/munge.sock
            DbdHost=\(host)
            DbdAddr=127.0.0.1
            DbdPort=\(port)
            SlurmUser=root
            PidFile=\(folder)/slurmdbd.pid
            StorageType=accounting_storage/mysql
            StorageHost=localhost
            StorageUser=root
            StorageLoc=slurm
            CommunicationParameters=NoInAddrAny

            """, to: folder + "/slurmdbd.conf")
        chmod(folder + "/slurmdbd.conf", 0o600)
        try File.write("Name=gpu File=/dev/nvidia[0-\(gpus - 1)]\n", to: folder + "/gres.conf")
        try File.write(
            """
            # An account “lab” for root, which may ask for the QOS “quick” with an hour for a job; an account “other”, for nobody.
            export MYSQL_UNIX_PORT="$d/db.sock"
            mkdir "$d/driver"
            cc -shared -o "$d/driver/libcuda.so.1" -Wl,-soname,libcuda.so.1 -x c /dev/null || fail
            printf '%s\\n' "$d/driver" 'include /etc/ld.so.conf' > "$d/ld.so.conf"
            ldconfig -X -C "$d/ld.so.cache" -f "$d/ld.so.conf" || fail
            mariadb-install-db --no-defaults --datadir="$d/db" --user=root --auth-root-authentication-method=normal --skip-test-db \\
                < /dev/null > "$d/slurmctld.log" 2>&1 || fail
            mariadbd --no-defaults --datadir="$d/db" --user=root --socket="$d/db.sock" --skip-networking --skip-grant-tables \\
                --pid-file="$d/db.pid" --innodb-buffer-pool-size=32M --innodb-flush-log-at-trx-commit=0 \\
                < /dev/null > "$d/db.log" 2>&1 & all="$all $!"
            while [ ! -S "$d/db.sock" ]; do kill -0 $! || fail; sleep 0.1; done
            slurmdbd -D < /dev/null > "$d/slurmdbd.log" 2>&1 & all="$all $!"
            until sacctmgr -i add cluster test; do kill -0 $! || fail; sleep 0.2; done
            sacctmgr -i add account lab,other || fail
            sacctmgr -i add qos quick MaxWall=60 || fail
            sacctmgr -i add user root account=lab qos=normal,quick defaultqos=normal || fail

            """, to: folder + "/accounts.sh")
        try File.write(
            """
            # A /dev with two more devices, which do nothing, and a loader that knows of their driver's library.
            mkdir -p "$d/dev-$1"
            mount -t tmpfs -o mode=755 tmpfs "$d/dev-$1" || exit
            for from in /dev/*; do
                to=$d/dev-$1/${from##*/}
                # Terminals are looked for beside the device that makes them, which one that is mounted alone has nothing beside.
                if [ "$from" = /dev/ptmx ]; then ln -s pts/ptmx "$to"
                elif [ -L "$from" ]; then cp -P "$from" "$to"
                elif [ -d "$from" ]; then mkdir "$to" && mount --rbind "$from" "$to"
                else touch "$to" && mount --bind "$from" "$to"
                fi || exit
            done
            for name in nvidia0 nvidia1 nvidiactl; do
                touch "$d/dev-$1/$name" && mount --bind /dev/null "$d/dev-$1/$name" || exit
            done
            mount --rbind "$d/dev-$1" /dev || exit
            mount --bind "$d/ld.so.cache" /etc/ld.so.cache || exit

            """, to: folder + "/devices.sh")
    }
}
