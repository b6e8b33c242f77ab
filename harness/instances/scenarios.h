// SPDX-License-Identifier: GPL-2.0-or-later
// Every scenario, in the order of tlblab list. A new one is a file, an include and a name here.
#pragma once

#include "harness/scenario/asid_read_2021.h"
#include "harness/scenario/asid_rollover_2017.h"
#include "harness/scenario/batched_barrier_2025.h"
#include "harness/scenario/batched_flag_2022.h"
#include "harness/scenario/batched_pending_2017.h"
#include "harness/scenario/clear_refs_cow_2020.h"
#include "harness/scenario/clear_refs_gather_2020.h"
#include "harness/scenario/clear_refs_vs_migration.h"
#include "harness/scenario/cow_read_order_2020.h"
#include "harness/scenario/delayed_rmap_2022.h"
#include "harness/scenario/forced_flush_tables_2019.h"
#include "harness/scenario/fork_vs_faults_2023.h"
#include "harness/scenario/fork_vs_gup_2020.h"
#include "harness/scenario/gup_fast_anon_exclusive_2022.h"
#include "harness/scenario/gup_fast_vs_collapse_2022.h"
#include "harness/scenario/gup_fast_vs_reclaim_2022.h"
#include "harness/scenario/huge_madvise_parallel_2018.h"
#include "harness/scenario/huge_pmd_vs_dontneed_2017.h"
#include "harness/scenario/ksm_pending_2017.h"
#include "harness/scenario/lazyfree_vs_gup_2022.h"
#include "harness/scenario/madvise_free_parallel_2017.h"
#include "harness/scenario/madvise_parallel_2017.h"
#include "harness/scenario/mixed.h"
#include "harness/scenario/mremap_flush_2018.h"
#include "harness/scenario/mremap_pmd_vs_reclaim_2021.h"
#include "harness/scenario/numa_migrate_2013.h"
#include "harness/scenario/pending_filter_2020.h"
#include "harness/scenario/pfnmap_revoke_2022.h"
#include "harness/scenario/ppc64_hash_duplicate_2007.h"
#include "harness/scenario/reclaim_vs_writeback.h"
#include "harness/scenario/skip_broadcast_2020.h"
#include "harness/scenario/soft_tlb_duplicate_2007.h"
#include "harness/scenario/switch_order_2025.h"
#include "harness/scenario/switch_vs_shootdown_2016.h"
#include "harness/scenario/table_fallback_2018.h"
#include "harness/scenario/tlb_gen_order_2017.h"
#include "harness/scenario/uffd_move_vs_gup_2023.h"
#include "harness/scenario/uffd_unprotect_cow_2020.h"
#include "harness/scenario/uffd_wp_cow_2020.h"

namespace tlblab::inline TLBLAB_WORLD {

template <class... Scenario>
struct ScenarioList {};

using Scenarios = ScenarioList<madvise_parallel_2017,
                               madvise_free_parallel_2017,
                               mremap_pmd_vs_reclaim_2021,
                               mremap_flush_2018,
                               batched_pending_2017,
                               batched_flag_2022,
                               batched_barrier_2025,
                               delayed_rmap_2022,
                               reclaim_vs_writeback,
                               ksm_pending_2017,
                               uffd_wp_cow_2020,
                               uffd_unprotect_cow_2020,
                               flush_pending_order_2020,
                               cow_read_order_2020,
                               pending_filter_late_2020,
                               pending_filter_flag_2020,
                               pageout_beside_faults_2020,
                               clear_refs_gather_2020,
                               clear_refs_cow_2020,
                               clear_refs_vs_migration,
                               fork_vs_faults_2023,
                               gup_fast_anon_exclusive_2022,
                               gup_fast_anon_exclusive_2022_bare,
                               gup_fast_vs_reclaim_2022,
                               lazyfree_vs_gup_2022,
                               fork_vs_gup_2020,
                               uffd_move_vs_gup_2023,
                               gup_fast_vs_collapse_2022,
                               gup_fast_vs_collapse_2022_table,
                               huge_madvise_parallel_2018,
                               huge_pmd_vs_dontneed_2017,
                               huge_pmd_wp_vs_dontneed_2017,
                               forced_flush_tables_2019,
                               table_fallback_2018,
                               tlb_gen_order_2017,
                               switch_vs_shootdown_2016,
                               switch_order_2025,
                               lazy_order_2018,
                               pfnmap_revoke_2022,
                               numa_migrate_2013,
                               skip_broadcast_2020,
                               asid_rollover_2017,
                               asid_read_2021,
                               ppc64_hash_duplicate_2007,
                               ppc64_hash_duplicate_mprotect_2007,
                               soft_tlb_duplicate_2007,
                               mixed_workload>;

}  // namespace tlblab::inline TLBLAB_WORLD
