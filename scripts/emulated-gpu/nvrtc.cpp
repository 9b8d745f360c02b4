// libnvrtc: compiles with g++ for the CPU; a source that was compiled before is not compiled again.
#include <fstream>
#include <sstream>
#include <string>
#include <functional>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

namespace {
enum { SUCCESS = 0, INVALID_OPTION = 5, COMPILATION_FAILED = 6 };
struct Program {
    std::string source, ptx, log;
};

std::string contents(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}
int give(const std::string& text, char* to) {
    memcpy(to, text.c_str(), text.size() + 1);
    return SUCCESS;
}
}  // namespace

extern "C" {
int nvrtcCreateProgram(Program** made, const char* source, const char*, int, const char* const*, const char* const*) {
    *made = new Program{source, "", ""};
    return SUCCESS;
}
int nvrtcDestroyProgram(Program** program) { return delete *program, SUCCESS; }

// With EMULATED_NVRTC=old it knows no GPU, but only what the driver compiles on.
int nvrtcCompileProgram(Program* program, int count, const char* const* options) {
    const char* version = getenv("EMULATED_NVRTC");
    for (int i = 0; i < count; i++)
        if (version && !strcmp(version, "old") && strstr(options[i], "=sm_")) return INVALID_OPTION;
    std::string path = BUILT "/nvrtc/" + std::to_string(std::hash<std::string>()(program->source));
    std::string library = path + ".so", own = path + "." + std::to_string(getpid());
    if (access(library.c_str(), R_OK)) {
        std::ofstream(own + ".cu") << program->source;
        std::string command = SOURCES "/compile " + own + ".cu " + library + " " FLAGS " 2>" + own + ".log";
        int failed = system(command.c_str());
        program->log = contents(own + ".log");
        for (const char* kind : {".cu", ".log"}) unlink((own + kind).c_str());
        if (failed) return COMPILATION_FAILED;
    }
    program->ptx = "emulated: " + library;
    return SUCCESS;
}
int nvrtcGetPTXSize(Program* program, size_t* size) { return *size = program->ptx.size() + 1, SUCCESS; }
int nvrtcGetPTX(Program* program, char* to) { return give(program->ptx, to); }
int nvrtcGetCUBINSize(Program* program, size_t* size) { return nvrtcGetPTXSize(program, size); }
int nvrtcGetCUBIN(Program* program, char* to) { return nvrtcGetPTX(program, to); }
int nvrtcGetProgramLogSize(Program* program, size_t* size) { return *size = program->log.size() + 1, SUCCESS; }
int nvrtcGetProgramLog(Program* program, char* to) { return give(program->log, to); }
}
