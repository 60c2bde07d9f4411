//! What a worker does with files that it can't take, and with folders that somebody has tidied up.

use std::fs::{create_dir, remove_dir, remove_dir_all, remove_file};
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use taploom_bridge::Observed;

use crate::Site;
use crate::queries::Resumable;

#[tokio::test]
async fn a_request_that_cant_be_removed_keeps_no_job_waiting() {
    let site = Site::new(&[]).await;
    let request = site.spool.path().join("nobody.cancel");
    create_dir(&request).unwrap();
    site.put("good", "SELECT 1 AS n");
    let worker = site.start(site.rows());
    site.until("the job", || site.final_status("good").is_some()).await;
    assert_eq!(site.phases("good"), ["EXECUTING", "COMPLETED"]);
    remove_dir(&request).unwrap();
    site.until("all jobs", || site.is_clean()).await;
    worker.end().await;
}

#[tokio::test]
async fn a_folder_that_is_removed_is_made_again() {
    let site = Site::new(&[]).await;
    let (claimed, done) = (site.spool.path().join("claimed"), site.spool.path().join("done"));
    let queries = Resumable::over(site.rows());
    site.put("running", "as long as it takes");
    let worker = site.start(queries.clone());
    site.until("the query runs", || !site.phases("running").is_empty()).await;
    remove_dir_all(&done).unwrap();
    queries.is_released.store(true, Ordering::Relaxed);
    site.until("the job", || site.final_status("running").is_some()).await;
    assert_eq!(site.phases("running").last().unwrap(), "COMPLETED");
    remove_dir_all(&claimed).unwrap();
    remove_dir_all(&done).unwrap();
    site.put("next", "as long as it takes");
    site.until("the next job", || site.final_status("next").is_some()).await;

    queries.is_released.store(false, Ordering::Relaxed);
    site.put("last", "as long as it takes");
    site.until("the last job", || !site.phases("last").is_empty()).await;
    remove_dir_all(&claimed).unwrap();
    remove_dir_all(&done).unwrap();
    queries.is_released.store(true, Ordering::Relaxed);
    site.until("all jobs", || site.final_status("last").is_some() && site.is_clean()).await;
    worker.end().await;
}

/// A folder stands where a file would be written, as a full disk would: what was done for a job, and its final status.
#[tokio::test]
async fn a_job_whose_files_cant_be_written_waits_and_health_says_so() {
    let site = Site::new(&[]).await;
    let queries = Resumable::over(site.rows());
    site.put("job", "as long as it takes");
    let running = site.start(queries.clone());
    site.until("the query runs", || !site.phases("job").is_empty()).await;
    assert_eq!(running.worker.complaint(), None);
    let claimed = |file: &str| site.spool.path().join("claimed").join(file);
    remove_file(claimed("job.done")).unwrap();
    create_dir(claimed("job.done")).unwrap();
    queries.is_released.store(true, Ordering::Relaxed);
    let complains = || running.worker.complaint().is_some_and(|why| why.contains("written"));
    site.until("health says so", complains).await;
    // Workers look for jobs that were given back every five seconds.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(complains());

    // One such file keeps no other job waiting.
    site.put("other", "as long as it takes");
    site.until("another job", || site.final_status("other").is_some()).await;
    create_dir(claimed("job.ended")).unwrap();
    remove_dir(claimed("job.done")).unwrap();
    site.until("the result", || site.result("job").is_some()).await;
    site.until("health says so again", complains).await;
    remove_dir(claimed("job.ended")).unwrap();
    site.until("all jobs", || site.is_clean()).await;
    assert_eq!(running.worker.complaint(), None);
    assert_eq!(site.phases("job"), ["EXECUTING", "COMPLETED"]);
    assert_eq!(queries.submitted.load(Ordering::Relaxed), 2, "a job was begun again");
    running.end().await;
}

#[tokio::test]
async fn a_final_status_that_cant_be_shown_is_sent_once() {
    let site = Site::new(&[]).await;
    let queries = Resumable::over(site.rows());
    site.put("job", "as long as it takes");
    let worker = site.start(queries.clone());
    site.until("the query runs", || !site.phases("job").is_empty()).await;
    let in_the_way = site.spool.path().join("done/job.json");
    create_dir(&in_the_way).unwrap();
    queries.is_released.store(true, Ordering::Relaxed);
    let is_sent = || site.phases("job").last().is_some_and(|phase| phase == "COMPLETED");
    site.until("the final status", is_sent).await;
    // Workers look for jobs that were given back every five seconds.
    tokio::time::sleep(Duration::from_secs(7)).await;
    remove_dir(&in_the_way).unwrap();
    site.until("the job", || site.is_clean()).await;
    assert_eq!(site.final_status("job").unwrap()["status"], "COMPLETED");
    assert_eq!(site.phases("job").iter().filter(|phase| *phase == "COMPLETED").count(), 1);
    worker.end().await;
}

#[tokio::test]
async fn a_file_that_can_be_no_job_ends_or_is_left_and_others_run() {
    let site = Site::new(&[]).await;
    let path = |name: &str| site.spool.path().join(name);
    std::fs::File::create(path("large.json")).unwrap().set_len((64 << 20) + 1).unwrap();
    let old = SystemTime::now() - Duration::from_secs(60);
    let large = std::fs::File::options().write(true).open(path("large.json")).unwrap();
    large.set_modified(old).unwrap();
    std::fs::write(path("broken.json"), "{").unwrap();
    let broken = std::fs::File::options().write(true).open(path("broken.json")).unwrap();
    broken.set_modified(SystemTime::now() + Duration::from_secs(100_000_000)).unwrap();
    site.put_text("array", "[]");
    create_dir(path("folder.json")).unwrap();
    site.put("good", "SELECT 1 AS n");
    let worker = site.start(site.rows());
    for (name, why) in [
        ("large", "it must have at most 67108864"),
        ("broken", "the message is not JSON"),
        ("array", "the message is not a JSON object"),
    ] {
        site.until(name, || site.final_status(name).is_some()).await;
        let error = &site.final_status(name).unwrap()["errorInfo"];
        assert_eq!(error["errorCode"], "invalid_request");
        let message = error["errorMessage"].as_str().unwrap();
        assert!(message.contains(why), "{message}");
    }
    site.until("the good job", || site.final_status("good").is_some()).await;
    assert!(path("folder.json").exists());
    worker.end().await;
}
