# Writes the source of built_in_models(): cmake -D OUT=file.cc -D FOLDER=models -P built_in_models.cmake
file(GLOB files "${FOLDER}/*.sql")
list(SORT files)
set(entries "")
foreach(file IN LISTS files)
  get_filename_component(name "${file}" NAME_WE)
  file(READ "${file}" text)
  string(APPEND entries "    {\"${name}\", R\"model-sql(${text})model-sql\"},\n")
endforeach()
file(WRITE "${OUT}" "#include \"runtime/built_in_models.h\"

namespace pactolus {
namespace {
constexpr BuiltInModel kModels[] = {
${entries}};
}  // namespace
std::span<const BuiltInModel> built_in_models() { return kModels; }
}  // namespace pactolus
")
