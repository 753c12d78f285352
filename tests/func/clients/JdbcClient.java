// MariaDB Connector/J: both protocols, batches (bulk execute and pipelining), streaming, procedures.
import java.math.BigDecimal;
import java.security.MessageDigest;
import java.sql.*;
import java.util.*;

public class JdbcClient {
    static String env(String name) { return System.getenv(name); }

    static Connection open(String extra) throws SQLException {
        String tls = env("TLS").equals("on") ? "&useSsl=true&serverSslCert=" + env("CA") : "";
        String url = "jdbc:mariadb://" + env("HOST") + ":" + env("PORT") + "/" + env("DB")
            + "?allowLocalInfile=true&allowMultiQueries=true&allowPublicKeyRetrieval=true" + extra + tls;
        return DriverManager.getConnection(url, env("DBUSER"), env("PASS"));
    }

    static String cell(Object value) {
        if (value instanceof byte[]) { return HexFormat.of().formatHex((byte[]) value); }
        return String.valueOf(value);
    }

    static void print(String title, ResultSet rows) throws SQLException {
        int columns = rows.getMetaData().getColumnCount();
        int count = 0;
        while (rows.next()) {
            if (count++ < 6) {
                StringJoiner line = new StringJoiner("|");
                for (int i = 1; i <= columns; i++) { line.add(cell(rows.getObject(i))); }
                System.out.println(title + ": " + line);
            }
        }
        System.out.println(title + ": " + count + " rows");
    }

    static String sqlError(SQLException e) { return e.getErrorCode() + " " + e.getSQLState(); }

    static void text(Connection db, String sql) {
        String title = sql.substring(0, Math.min(50, sql.length()));
        try (Statement st = db.createStatement()) {
            boolean rows = st.execute(sql);
            while (true) {
                if (rows) { print(title, st.getResultSet()); }
                else if (st.getUpdateCount() >= 0) { System.out.println(title + ": " + st.getUpdateCount()); }
                else { break; }
                rows = st.getMoreResults();
            }
        } catch (SQLException e) { System.out.println(title + ": " + sqlError(e)); }
    }

    static void prepared(Connection db) throws SQLException {
        try (PreparedStatement st = db.prepareStatement("INSERT INTO j (u, d, b, s, dt) VALUES (?,?,?,?,?)",
                Statement.RETURN_GENERATED_KEYS)) {
            for (int i = 0; i < 3; i++) {
                st.setObject(1, i == 0 ? new BigDecimal("18446744073709551615") : null);
                st.setBigDecimal(2, new BigDecimal("-1.0000" + i));
                st.setBytes(3, new byte[] {0, -1, (byte) i});
                st.setString(4, "grüße " + i);
                st.setTimestamp(5, Timestamp.valueOf("2024-02-29 23:59:59.123456"));
                st.executeUpdate();
                print("keys", st.getGeneratedKeys());
            }
        }
        try (PreparedStatement st = db.prepareStatement("SELECT id, u, d, b, s, dt FROM j WHERE id >= ? ORDER BY id")) {
            for (int low : new int[] {1, 2, 1}) { st.setInt(1, low); print("prepared " + low, st.executeQuery()); }
        }
        try (PreparedStatement st = db.prepareStatement("SELECT * FROM missing WHERE a = ?")) {
            st.setInt(1, 1);
            st.executeQuery();
        } catch (SQLException e) { System.out.println("missing: " + sqlError(e)); }
        try (PreparedStatement st = db.prepareStatement("INSERT INTO j (s) VALUES (?)")) {
            for (int i = 0; i < 200; i++) { st.setString(1, "batch " + i); st.addBatch(); }
            System.out.println("batch: " + st.executeBatch().length);
        }
        try (PreparedStatement st = db.prepareStatement("INSERT INTO j (id, s) VALUES (?, 'dup')")) {
            for (int id : new int[] {5000, 1, 5001}) { st.setInt(1, id); st.addBatch(); }
            st.executeBatch();
            System.out.println("duplicate passed");
        } catch (SQLException e) { System.out.println("batch error: " + sqlError(e)); }
        text(db, "SELECT COUNT(*), MAX(s) FROM j");
    }

    static void streams(Connection db) throws SQLException {
        for (String sql : new String[] {"SELECT a.id FROM app.nums a, app.digit b ORDER BY a.id",
                "SELECT id, REPEAT('j', 66), EXP(id) FROM app.nums ORDER BY id"}) {
            int count = 0;
            try (PreparedStatement st = db.prepareStatement(sql)) {
                st.setFetchSize(100);
                ResultSet rows = st.executeQuery();
                while (rows.next()) { count++; }
                System.out.println("stream: " + count);
            } catch (SQLException e) { System.out.println("stream: " + count + " then " + sqlError(e)); }
        }
    }

    static void big(Connection db) throws Exception {
        byte[] value = new byte[17 << 20];
        for (int i = 0; i < value.length; i++) { value[i] = (byte) (i * 31); }
        try (PreparedStatement st = db.prepareStatement("UPDATE j SET b = ? WHERE id = 1")) {
            st.setBinaryStream(1, new java.io.ByteArrayInputStream(value));
            System.out.println("big: " + st.executeUpdate());
        }
        try (Statement st = db.createStatement(); ResultSet rows = st.executeQuery("SELECT b FROM j WHERE id = 1")) {
            rows.next();
            byte[] back = rows.getBytes(1);
            System.out.println("big back: " + MessageDigest.isEqual(MessageDigest.getInstance("SHA-1").digest(value),
                MessageDigest.getInstance("SHA-1").digest(back)));
        }
        text(db, "UPDATE j SET b = NULL");
    }

    public static void main(String[] args) throws Exception {
        String[] modes = {"", "&useServerPrepStmts=true", "&useServerPrepStmts=true&useBulkStmts=true",
            "&rewriteBatchedStatements=true&useBatchMultiSend=true&usePipelineAuth=true"};
        for (String mode : modes) {
            System.out.println("mode " + mode);
            try (Connection db = open(mode)) {
                text(db, "DROP TABLE IF EXISTS j");
                text(db, "CREATE TABLE j (id INT PRIMARY KEY AUTO_INCREMENT, u BIGINT UNSIGNED, d DECIMAL(20,5), b LONGBLOB, s VARCHAR(99), dt DATETIME(6))");
                prepared(db);
                streams(db);
                if (mode.endsWith("PrepStmts=true")) { big(db); }
                text(db, "SELECT 1; SELECT 2, 3; DO 0; SELECT * FROM missing");
                text(db, "SELECT 4");
                text(db, "DROP PROCEDURE IF EXISTS jp");
                text(db, "CREATE PROCEDURE jp(IN a INT, OUT b INT) BEGIN SELECT a; SELECT a, a; SET b = a + 1; END");
                try (CallableStatement call = db.prepareCall("{CALL jp(?, ?)}")) {
                    call.setInt(1, 41);
                    call.registerOutParameter(2, Types.INTEGER);
                    boolean rows = call.execute();
                    while (rows) { print("call", call.getResultSet()); rows = call.getMoreResults(); }
                    System.out.println("out: " + call.getInt(2));
                }
                text(db, "DROP TABLE IF EXISTS jl");
                text(db, "CREATE TABLE jl (a INT, b VARCHAR(50))");
                text(db, "LOAD DATA LOCAL INFILE '" + env("DATAFILE") + "' INTO TABLE jl FIELDS TERMINATED BY ','");
                db.setAutoCommit(false);
                text(db, "DELETE FROM jl");
                db.rollback();
                db.setAutoCommit(true);
                text(db, "SELECT COUNT(*) FROM jl");
                System.out.println("valid: " + db.isValid(5));
                db.setCatalog("app");
                text(db, "SELECT DATABASE()");
            }
        }
        System.out.println("end");
    }
}
