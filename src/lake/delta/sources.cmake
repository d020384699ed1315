set(PACTOLUS_DELTA_SOURCES
  delta/actions.cc delta/changes.cc delta/checkpoint_read.cc delta/checkpoint_write.cc delta/compaction.cc delta/delta_table.cc
  delta/log_cleanup.cc delta/log_files.cc delta/path_encoding.cc delta/schema.cc delta/snapshot.cc delta/stats.cc
  delta/vacuum.cc)
set(PACTOLUS_DELTA_TESTS
  delta/actions_test.cc delta/changes_test.cc delta/checkpoint_test.cc delta/compaction_test.cc delta/delta_table_test.cc delta/snapshot_test.cc)
