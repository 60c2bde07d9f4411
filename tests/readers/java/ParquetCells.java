import java.io.IOException;
import java.io.Writer;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.parquet.ParquetReadOptions;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.convert.GroupRecordConverter;
import org.apache.parquet.filter2.compat.FilterCompat;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.ParquetMetadata;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.InputFile;
import org.apache.parquet.io.LocalInputFile;
import org.apache.parquet.io.MessageColumnIO;
import org.apache.parquet.io.RecordReader;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.Type;
import org.json.JSONArray;
import org.json.JSONObject;

/**
 * All cells of a Parquet file by parquet-java, as JSON: {"NAME": [CELL, ...], ...}.
 *
 * Integers and booleans are what they are in JSON. A float is the integer of its bits, so that NaN and
 * -0.0 are kept. Bytes are hexadecimal. A list is an array, a map an array of [KEY, VALUE], and a
 * struct an array of its fields' values.
 */
final class ParquetCells {
    private ParquetCells() {}

    /** What is done with each row. */
    interface Row {
        void take(Group row);
    }

    /** Options that use every statistic and index of a file, or none. */
    static ParquetReadOptions.Builder options(boolean indexes) {
        return ParquetReadOptions.builder(new PlainParquetConfiguration())
            .usePageChecksumVerification(true)
            .useStatsFilter(indexes)
            .useColumnIndexFilter(indexes)
            .useDictionaryFilter(indexes)
            .useBloomFilter(indexes);
    }

    /** Reads the rows that pass a filter, with all columns or those of a projection; answers with the rows loaded. */
    static long read(
        String path,
        ParquetMetadata footer,
        ParquetReadOptions options,
        FilterCompat.Filter filter,
        MessageType columns,
        Row row)
        throws IOException {
        InputFile file = new LocalInputFile(Path.of(path));
        try (ParquetFileReader reader = new ParquetFileReader(file, footer, options, file.newStream())) {
            MessageType schema = reader.getFileMetaData().getSchema();
            MessageType wanted = columns == null ? schema : columns;
            reader.setRequestedSchema(wanted);
            long loaded = 0;
            MessageColumnIO io = new ColumnIOFactory().getColumnIO(wanted, schema);
            for (PageReadStore pages = reader.readNextFilteredRowGroup();
                pages != null;
                pages = reader.readNextFilteredRowGroup()) {
                RecordReader<Group> records =
                    io.getRecordReader(pages, new GroupRecordConverter(wanted), filter);
                loaded += pages.getRowCount();
                for (long index = 0; index < pages.getRowCount(); index++) {
                    Group group = records.read();
                    if (group != null && !records.shouldSkipCurrentRecord()) {
                        row.take(group);
                    }
                }
            }
            return loaded;
        }
    }

    static ParquetMetadata footer(String path) throws IOException {
        try (ParquetFileReader reader =
            ParquetFileReader.open(new LocalInputFile(Path.of(path)), options(false).build())) {
            return reader.getFooter();
        }
    }

    static void dump(String path, String out) throws IOException {
        ParquetMetadata footer = footer(path);
        MessageType schema = footer.getFileMetaData().getSchema();
        List<JSONArray> columns = new ArrayList<>();
        schema.getFields().forEach(field -> columns.add(new JSONArray()));
        read(path, footer, options(false).build(), FilterCompat.NOOP, null, row -> {
            for (int index = 0; index < columns.size(); index++) {
                columns.get(index).put(field(row, index));
            }
        });
        JSONObject cells = new JSONObject();
        for (int index = 0; index < columns.size(); index++) {
            cells.put(schema.getFieldName(index), columns.get(index));
        }
        try (Writer writer = Files.newBufferedWriter(Path.of(out))) {
            cells.write(writer);
        }
    }

    /** The value of a field that stands at most once. */
    private static Object field(Group group, int index) {
        if (group.getFieldRepetitionCount(index) == 0) {
            return JSONObject.NULL;
        }
        return value(group, index, 0);
    }

    private static Object value(Group group, int index, int repetition) {
        Type type = group.getType().getType(index);
        if (!type.isPrimitive()) {
            return nested(group.getGroup(index, repetition), type.asGroupType());
        }
        switch (type.asPrimitiveType().getPrimitiveTypeName()) {
            case BOOLEAN:
                return group.getBoolean(index, repetition);
            case INT32:
                int number = group.getInteger(index, repetition);
                return isUnsigned(type) ? Integer.toUnsignedLong(number) : number;
            case INT64:
                long large = group.getLong(index, repetition);
                return isUnsigned(type) ? new BigInteger(Long.toUnsignedString(large)) : large;
            case FLOAT:
                return Float.floatToRawIntBits(group.getFloat(index, repetition));
            case DOUBLE:
                return Double.doubleToRawLongBits(group.getDouble(index, repetition));
            default:
                return hexadecimal(group.getBinary(index, repetition).getBytes());
        }
    }

    private static boolean isUnsigned(Type type) {
        LogicalTypeAnnotation annotation = type.getLogicalTypeAnnotation();
        return annotation instanceof LogicalTypeAnnotation.IntLogicalTypeAnnotation
            && !((LogicalTypeAnnotation.IntLogicalTypeAnnotation) annotation).isSigned();
    }

    private static JSONArray nested(Group group, GroupType type) {
        JSONArray values = new JSONArray();
        LogicalTypeAnnotation annotation = type.getLogicalTypeAnnotation();
        boolean isList = annotation instanceof LogicalTypeAnnotation.ListLogicalTypeAnnotation;
        boolean isMap = annotation instanceof LogicalTypeAnnotation.MapLogicalTypeAnnotation;
        if (!isList && !isMap) {
            for (int index = 0; index < type.getFieldCount(); index++) {
                values.put(field(group, index));
            }
            return values;
        }
        for (int repetition = 0; repetition < group.getFieldRepetitionCount(0); repetition++) {
            Group entry = group.getGroup(0, repetition);
            if (isList) {
                values.put(field(entry, 0));
            } else {
                values.put(new JSONArray().put(field(entry, 0)).put(field(entry, 1)));
            }
        }
        return values;
    }

    static String hexadecimal(byte[] bytes) {
        StringBuilder text = new StringBuilder(2 * bytes.length);
        for (byte one : bytes) {
            text.append(Character.forDigit(one >> 4 & 15, 16)).append(Character.forDigit(one & 15, 16));
        }
        return text.toString();
    }
}
