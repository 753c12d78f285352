// An application over the pool of MariaDB Connector/J, with prepared statements on the server. Notes
// each id in LEDGER once the server has acknowledged it; ends with STOP. Run from its source.
import java.io.FileWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.mariadb.jdbc.MariaDbPoolDataSource;

class PoolClient {
    static final Path STOP = Path.of(env("STOP"));
    static FileWriter ledger;

    static String env(String name) { return System.getenv(name); }

    static synchronized void note(String line) throws IOException {
        ledger.write(line + "\n");
        ledger.flush();
    }

    static void insert(Connection db, long number, String text) throws SQLException {
        try (PreparedStatement st = db.prepareStatement("INSERT INTO ledger (id, note) VALUES (?, ?)")) {
            st.setLong(1, number);
            st.setString(2, text);
            st.executeUpdate();
        }
    }

    static void transaction(Connection db, int worker, long number) throws Exception {
        db.setAutoCommit(false);
        insert(db, number, "t" + number);
        try (Statement st = db.createStatement()) {
            st.executeUpdate("UPDATE totals SET n = n + 1 WHERE worker = " + worker);
        }
        db.commit();
        note("A " + number + " " + worker + " T");
        db.setAutoCommit(true);
    }

    static void prepared(Connection db, int worker, long number) throws Exception {
        insert(db, number, "p" + number);
        note("A " + number + " " + worker + " S");
        try (PreparedStatement st = db.prepareStatement("SELECT note, @tag, ? FROM ledger WHERE id = ?")) {
            st.setString(1, "q" + number);
            st.setLong(2, number);
            ResultSet rows = st.executeQuery();
            String found = rows.next() ? rows.getString(1) + rows.getString(2) + rows.getString(3) : "nothing";
            if (!found.equals("p" + number + "from-url" + "q" + number) || rows.next()) {
                note("W " + number + ": " + found);
            }
        }
    }

    static void work(MariaDbPoolDataSource pool, int worker) {
        long number = worker * 1000000L;
        try {
            while (!Files.exists(STOP)) {
                number++;
                try (Connection db = pool.getConnection()) {
                    if (number % 2 == 0) { prepared(db, worker, number); } else { transaction(db, worker, number); }
                }
                Thread.sleep(4);
            }
        } catch (Exception error) {
            try { note("E " + number + " " + error); } catch (IOException lost) { System.exit(1); }
        }
    }

    // The session variable in the URL is set by the driver at every physical connect.
    public static void main(String[] args) throws Exception {
        ledger = new FileWriter(env("LEDGER"), true);
        String url = "jdbc:mariadb://" + env("HOST") + ":" + env("PORT") + "/" + env("DB") + "?user=" + env("DBUSER")
            + "&password=" + env("PASS") + "&allowPublicKeyRetrieval=true&useServerPrepStmts=true&minPoolSize="
            + env("CONNECTIONS") + "&maxPoolSize=" + env("CONNECTIONS") + "&sessionVariables=@tag='from-url'";
        MariaDbPoolDataSource pool = new MariaDbPoolDataSource(url);
        Thread[] threads = new Thread[Integer.parseInt(env("THREADS"))];
        for (int i = 0; i < threads.length; i++) {
            int worker = i;
            threads[i] = new Thread(() -> work(pool, worker));
            threads[i].start();
        }
        for (Thread thread : threads) { thread.join(); }
        pool.close();
    }
}
