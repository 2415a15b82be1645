/* Fills, changes, checks and queries a database file: main DATABASE create | check.
 * All output depends on the data alone, so any two machines must print the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sqlite3.h"

static sqlite3 *db;

static void fail(const char *what)
{
    printf("%s: %s\n", what, sqlite3_errmsg(db));
    exit(1);
}

static void run(const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail(sql);
}

static sqlite3_stmt *prepare(const char *sql)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail(sql);
    return statement;
}

static void show(const char *sql)
{
    sqlite3_stmt *statement = prepare(sql);
    int status;
    printf("> %s\n", sql);
    while ((status = sqlite3_step(statement)) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(statement); i++) {
            const unsigned char *text = sqlite3_column_text(statement, i);
            printf("%s%s", i ? "|" : "", text ? (const char *)text : "NULL");
        }
        printf("\n");
    }
    if (status != SQLITE_DONE)
        fail(sql);
    sqlite3_finalize(statement);
}

/* A function of ours, called from SQL. */
static void digits(sqlite3_context *context, int count, sqlite3_value **values)
{
    sqlite3_int64 n = sqlite3_value_int64(values[0]);
    int sum = 0;
    (void)count;
    for (n = n < 0 ? -n : n; n > 0; n /= 10)
        sum += (int)(n % 10);
    sqlite3_result_int(context, sum);
}

static void fill(int rows)
{
    static const char *const places[] = {"Oslo", "Lima", "Quito", "Accra", "Hanoi", "Turin", "Perth"};
    unsigned seed = 2026;
    run("CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT UNIQUE)");
    run("CREATE TABLE sale(id INTEGER PRIMARY KEY, city INTEGER REFERENCES city, amount REAL, quantity INTEGER,"
        " note TEXT, payload BLOB)");
    run("BEGIN");
    sqlite3_stmt *city = prepare("INSERT INTO city(name) VALUES(?)");
    for (int i = 0; i < 7; i++) {
        sqlite3_bind_text(city, 1, places[i], -1, SQLITE_STATIC);
        if (sqlite3_step(city) != SQLITE_DONE)
            fail("city");
        sqlite3_reset(city);
    }
    sqlite3_finalize(city);
    sqlite3_stmt *sale = prepare("INSERT INTO sale(city, amount, quantity, note, payload) VALUES(?, ?, ?, ?, ?)");
    for (int i = 0; i < rows; i++) {
        char note[64];
        seed = seed * 1664525u + 1013904223u;
        snprintf(note, sizeof note, "sale number %d of %s", i, places[seed >> 20 & 3]);
        sqlite3_bind_int(sale, 1, 1 + (int)(seed >> 8) % 7);
        sqlite3_bind_double(sale, 2, (seed >> 12) / 64.0);
        sqlite3_bind_int(sale, 3, (int)(seed >> 24) % 19);
        if (i % 11)
            sqlite3_bind_text(sale, 4, note, -1, SQLITE_TRANSIENT);
        else
            sqlite3_bind_null(sale, 4);
        sqlite3_bind_blob(sale, 5, &seed, 4, SQLITE_TRANSIENT);
        if (sqlite3_step(sale) != SQLITE_DONE)
            fail("sale");
        sqlite3_reset(sale);
        if (i % 4000 == 3999) {
            run("COMMIT");
            run("BEGIN");
        }
    }
    sqlite3_finalize(sale);
    run("COMMIT");
}

static void query(void)
{
    show("SELECT count(*), sum(quantity), round(avg(amount), 6), min(note), max(note) FROM sale");
    show("SELECT city.name, count(*), round(sum(amount), 4), group_concat(DISTINCT quantity % 5) FROM sale"
         " JOIN city ON city.id = sale.city GROUP BY city.name HAVING count(*) > 100 ORDER BY 3 DESC, 1");
    show("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10)"
         " SELECT i, (SELECT count(*) FROM sale WHERE quantity = i) FROM n");
    show("SELECT id, rank() OVER (PARTITION BY city ORDER BY amount DESC, id) AS place, printf('%.3f', amount)"
         " FROM sale WHERE id <= 40 ORDER BY city, place LIMIT 12");
    show("SELECT upper(substr(note, 1, 8)), length(note), hex(payload), digits(id) FROM sale"
         " WHERE note LIKE '%number 19_9%' ORDER BY id LIMIT 8");
    show("SELECT a.quantity, count(*) FROM sale a JOIN sale b ON a.id = b.quantity AND b.city = 3 GROUP BY 1 ORDER BY 1");
    show("SELECT json_group_array(name) FROM (SELECT name FROM city ORDER BY name)");
    show("SELECT count(*) FROM sale WHERE note IS NULL");
    show("PRAGMA integrity_check");
    show("PRAGMA foreign_key_check");
}

static void change(void)
{
    run("CREATE INDEX by_city ON sale(city, amount DESC)");
    run("CREATE INDEX by_quantity ON sale(quantity) WHERE note IS NOT NULL");
    run("UPDATE sale SET amount = amount * 1.25, quantity = quantity + 1 WHERE city IN (2, 4)");
    run("DELETE FROM sale WHERE id % 13 = 0");
    run("BEGIN");
    run("DELETE FROM sale");
    show("SELECT count(*) FROM sale");
    run("ROLLBACK");
    run("SAVEPOINT half");
    run("UPDATE city SET name = 'Nowhere' WHERE id = 5");
    run("ROLLBACK TO half");
    run("RELEASE half");
    run("CREATE TRIGGER keep AFTER DELETE ON city BEGIN INSERT INTO city VALUES(old.id + 100, old.name || '!'); END");
    run("DELETE FROM city WHERE id = 7");
    run("UPDATE sale SET city = 107 WHERE city = 7");
    run("CREATE VIEW big AS SELECT * FROM sale WHERE amount > 60000");
    run("INSERT INTO city(id, name) VALUES(1, 'Bergen') ON CONFLICT(id) DO UPDATE SET name = excluded.name");
    if (sqlite3_exec(db, "INSERT INTO city(name) VALUES('Lima')", NULL, NULL, NULL) != SQLITE_CONSTRAINT)
        fail("a second Lima was let in");
    printf("refused: %s\n", sqlite3_errmsg(db));
    show("SELECT count(*) FROM big");
    run("VACUUM");
    run("ANALYZE");
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    if (sqlite3_open(argv[1], &db) != SQLITE_OK)
        fail("open");
    sqlite3_create_function(db, "digits", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, digits, NULL, NULL);
    show("PRAGMA journal_mode");
    if (strcmp(argv[2], "create") == 0) {
        fill(20000);
        query();
        change();
    }
    query();
    show("SELECT name, type FROM sqlite_schema ORDER BY name");
    show("PRAGMA page_count");
    if (sqlite3_close(db) != SQLITE_OK)
        fail("close");
    printf("sqlite %s\n", sqlite3_libversion());
    return 0;
}
