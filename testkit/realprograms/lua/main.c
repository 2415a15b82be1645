/* A Lua host that runs one script: main SCRIPT [ARGS...]. Error messages name the script's file alone, so
 * that they do not depend on where it lies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

static char *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    size_t room = 1 << 16;
    char *text = file ? malloc(room) : NULL;
    *len = 0;
    while (text) {
        size_t got = fread(text + *len, 1, room - *len, file);
        if (got == 0)
            break;
        *len += got;
        if (*len == room)
            text = realloc(text, room *= 2);
    }
    if (file)
        fclose(file);
    return text;
}

static int with_traceback(lua_State *L)
{
    const char *message = lua_tostring(L, 1);
    luaL_traceback(L, L, message ? message : "(an error that is no string)", 1);
    return 1;
}

int main(int argc, char **argv)
{
    char chunk[256];
    size_t len;
    if (argc < 2)
        return 2;
    char *text = read_file(argv[1], &len);
    if (!text) {
        fprintf(stderr, "cannot read %s\n", argv[1]);
        return 2;
    }
    const char *slash = strrchr(argv[1], '/');
    snprintf(chunk, sizeof chunk, "@%s", slash ? slash + 1 : argv[1]);
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    lua_pushcfunction(L, with_traceback);
    int status = luaL_loadbuffer(L, text, len, chunk);
    if (status == LUA_OK) {
        for (int i = 2; i < argc; i++)
            lua_pushstring(L, argv[i]);
        status = lua_pcall(L, argc - 2, 0, 1);
    }
    if (status != LUA_OK)
        printf("error: %s\n", lua_tostring(L, -1));
    lua_close(L);
    free(text);
    return status;
}
