import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.json.JSONObject;

/**
 * Answers requests, one JSON object a line, as the Python package `readers` does:
 *
 * <pre>
 * {"reader": "stil", "task": "copy", "path": FILE, "format": FORMAT, "out": VOTable to write}
 * {"reader": "stil" | "parquetjava", "task": "dump", "path": FILE, "out": JSON to write}
 * {"reader": "parquetjava", "task": "filters", "path": FILE}
 *
 * {"ok": true, ...}
 * {"ok": false, "error": "one line"}
 * </pre>
 */
public final class Readers {
    private static final int LONGEST_ERROR = 500;

    private Readers() {}

    public static void main(String[] arguments) throws Exception {
        Logger.getLogger("").setLevel(Level.SEVERE);
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        // Whatever a library prints must not stand between the answers.
        System.setOut(System.err);
        BufferedReader requests =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = requests.readLine(); line != null; line = requests.readLine()) {
            answers.println(answer(line));
        }
    }

    private static JSONObject answer(String line) {
        try {
            return run(new JSONObject(line)).put("ok", true);
        } catch (Exception | LinkageError | AssertionError | OutOfMemoryError error) {
            return new JSONObject().put("ok", false).put("error", oneLine(error));
        }
    }

    private static JSONObject run(JSONObject request) throws Exception {
        String task = request.getString("reader") + " " + request.getString("task");
        switch (task) {
            case "stil dump":
                Stil.dump(request.getString("path"), request.getString("out"));
                return new JSONObject();
            case "stil copy":
                Stil.copy(request.getString("path"), request.getString("format"), request.getString("out"));
                return new JSONObject();
            case "parquetjava dump":
                ParquetCells.dump(request.getString("path"), request.getString("out"));
                return new JSONObject();
            case "parquetjava filters":
                return new ParquetFilters(request.getString("path")).check();
            default:
                throw new IllegalArgumentException("no task " + task);
        }
    }

    /** The message of an error and of what caused it. */
    private static String oneLine(Throwable error) {
        StringBuilder text = new StringBuilder();
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            text.append(text.length() == 0 ? "" : " / ").append(cause.getClass().getSimpleName());
            text.append(": ").append(cause.getMessage());
        }
        String line = text.toString().replaceAll("\\s+", " ");
        return line.length() > LONGEST_ERROR ? line.substring(0, LONGEST_ERROR) : line;
    }
}
