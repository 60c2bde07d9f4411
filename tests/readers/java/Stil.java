import java.io.IOException;
import java.io.Writer;
import java.lang.reflect.Array;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.json.JSONArray;
import org.json.JSONObject;
import uk.ac.starlink.table.RowSequence;
import uk.ac.starlink.table.StarTable;
import uk.ac.starlink.table.StarTableFactory;
import uk.ac.starlink.table.StarTableOutput;

/** STIL, the library by which TOPCAT and STILTS read tables. */
final class Stil {
    private Stil() {}

    /** Reads a file, and writes the table that STIL has then as a VOTable with BINARY2. */
    static void copy(String path, String format, String out) throws IOException {
        new StarTableOutput().writeStarTable(table(path, format), out, "votable(format=BINARY2)");
    }

    /** Writes all cells of a Parquet file, as {@link ParquetCells} describes it. */
    static void dump(String path, String out) throws IOException {
        StarTable table = table(path, "parquet");
        JSONArray[] columns = new JSONArray[table.getColumnCount()];
        JSONObject cells = new JSONObject();
        for (int index = 0; index < columns.length; index++) {
            columns[index] = new JSONArray();
            cells.put(table.getColumnInfo(index).getName(), columns[index]);
        }
        try (RowSequence rows = table.getRowSequence()) {
            while (rows.next()) {
                for (int index = 0; index < columns.length; index++) {
                    columns[index].put(cell(rows.getCell(index)));
                }
            }
        }
        try (Writer writer = Files.newBufferedWriter(Path.of(out))) {
            cells.write(writer);
        }
    }

    private static StarTable table(String path, String format) throws IOException {
        return new StarTableFactory().makeStarTable(path, format);
    }

    private static Object cell(Object cell) {
        if (cell == null) {
            return JSONObject.NULL;
        }
        if (cell.getClass().isArray()) {
            JSONArray values = new JSONArray();
            for (int index = 0; index < Array.getLength(cell); index++) {
                values.put(cell(Array.get(cell, index)));
            }
            return values;
        }
        if (cell instanceof Float) {
            return Float.floatToRawIntBits((Float) cell);
        }
        if (cell instanceof Double) {
            return Double.doubleToRawLongBits((Double) cell);
        }
        if (cell instanceof Number || cell instanceof Boolean) {
            return cell;
        }
        return ParquetCells.hexadecimal(cell.toString().getBytes(StandardCharsets.UTF_8));
    }
}
